/* duel: turn-based encounters.
 *
 * Two monsters take turns. The player chooses FIGHT and one of four moves, or NET, and reads what happens, a press of A
 * after each text. Nothing moves while the game waits for a button; buttons count when they go down, and only then.
 * Start (or A) on the title, or a host that writes `start`, begins. The logic runs from scan line 8 and lists what
 * changes on the screen; the list is drawn in the vertical blank.
 */
#include "duel.h"

#define BUTTON_A 0x01
#define BUTTON_B 0x02
#define BUTTON_START 0x08
#define BUTTON_UP 0x40
#define BUTTON_DOWN 0x80
#define LETTERS_A_FRAME 2
#define SHAKE 8
#define COMPOSE 0xFF

enum { OPENING, REFUSED, FIRST, SECOND, ENDING }; /* what a text tells */

static uint8_t buttons, before, pressed; /* A 1, B 2, Select 4, Start 8, Right 16, Left 32, Up 64, Down 128 */
static uint8_t row, after, column, wait, chosen, last_move, fallen;

static void read_buttons(void)
{
	uint8_t pad;
	before = buttons;
	JOYPAD = 0x10;
	pad = JOYPAD;
	pad = JOYPAD;
	buttons = ~pad & 0x0F;
	JOYPAD = 0x20;
	pad = JOYPAD;
	pad = JOYPAD;
	buttons |= (uint8_t)(~pad << 4);
	JOYPAD = 0x30;
	pressed = buttons & ~before;
}

static void draw_then(uint8_t phase)
{
	work.phase = DRAWING;
	after = phase;
	row = 0;
}

/* Type what the box holds. */
static void say(uint8_t what)
{
	work.told = what;
	work.texts++;
	draw_then(TYPING);
}

static void open_menu(void)
{
	work.cursor = 0;
	compose_menu();
	draw_then(MENU);
}

static void open_moves(void)
{
	work.cursor = last_move;
	compose_moves();
	draw_then(MOVES);
}

static void take_action(uint8_t actor, uint8_t what)
{
	act(actor, actor == OWN ? chosen : foes_move());
	say(what);
	row = COMPOSE;
}

static void begin_turn(uint8_t move)
{
	chosen = move;
	work.turns++;
	choose_order();
	if (move == NET)
		first_actor = OWN;
	take_action(first_actor, FIRST);
}

static void finish(void)
{
	if (work.setting == CATCH ? work.caught : work.foe_fainted) {
		work.victories++;
		if (work.encounter != ENCOUNTERS)
			work.next_encounter = work.encounter + 1;
	} else if (work.own_fainted && work.encounter != 1) {
		work.next_encounter = work.encounter - 1;
	}
	compose_following();
	work.over = 1;
	draw_then(OVER);
}

static uint8_t is_over(void)
{
	return work.caught || work.own_fainted || work.foe_fainted;
}

/* A text was read: what comes next. */
static void go_on(void)
{
	show(18, 16, ' ');
	if (work.told == ENDING) {
		finish();
	} else if ((work.told == FIRST || work.told == SECOND) && is_over()) {
		compose_ending();
		say(ENDING);
	} else if (work.told == FIRST) {
		take_action(first_actor ^ 1, SECOND);
	} else {
		open_menu();
	}
}

static void wait_for_reader(void)
{
	show(18, 16, TILE_MORE);
	work.phase = READING;
}

static void play_typing(void)
{
	uint8_t i;
	for (i = 0; i != LETTERS_A_FRAME; i++) {
		while (row != 4 && (column == 18 || box[row][column] == ' ')) { /* words end where two blanks follow */
			if (column < 17 && box[row][column + 1] != ' ')
				break;
			column = 0;
			row++;
		}
		if (row == 4)
			break;
		show(1 + column, 13 + row, box[row][column]);
		column++;
	}
	if (row != 4)
		return;
	if (work.told == FIRST || work.told == SECOND) {
		wait = work.damage ? SHAKE : 0;
		work.phase = DRAINING;
	} else {
		wait_for_reader();
	}
}

/* The hit is felt, the bar goes down; then who has nothing left falls. */
static void play_draining(void)
{
	uint8_t side = work.actor ^ 1;
	volatile struct monster *monster = &work.sides[side];
	if (wait) {
		wait--;
		if (side == OWN)
			scroll = wait & 2 ? 2 : 0;
		palette = work.result == STRONG && (wait & 4) ? 0x1B : 0xE4;
		return;
	}
	if (monster->shown != monster->hp) {
		monster->shown--;
		show_status(side);
		return;
	}
	if (monster->hp && work.result != HELD) {
		wait_for_reader();
		return;
	}
	if (work.result == HELD)
		work.caught = 1;
	else if (side == FOE)
		work.foe_fainted = 1;
	else
		work.own_fainted = 1;
	fallen = 2;
	work.phase = FALLING;
}

static void play_menu(void)
{
	if (pressed & (BUTTON_UP | BUTTON_DOWN)) {
		show(12, 13 + 2 * work.cursor, ' ');
		work.cursor = pressed & BUTTON_DOWN ? 1 : 0;
		show(12, 13 + 2 * work.cursor, TILE_CURSOR);
	} else if (pressed & BUTTON_A) {
		if (work.cursor == 0) {
			open_moves();
		} else if (work.nets) {
			begin_turn(NET);
		} else {
			clear_box();
			put(box[0], "NO NETS LEFT.");
			say(REFUSED);
		}
	}
}

static void play_moves(void)
{
	uint8_t x, y;
	if (pressed & (BUTTON_UP | BUTTON_DOWN)) {
		show(1, 13 + work.cursor, ' ');
		if ((pressed & BUTTON_DOWN) && work.cursor != 3)
			work.cursor++;
		else if ((pressed & BUTTON_UP) && work.cursor != 0)
			work.cursor--;
		show(1, 13 + work.cursor, TILE_CURSOR);
		put_move_facts();
		for (y = 0; y != 3; y++)
			for (x = 12; x != 18; x++)
				show(1 + x, 13 + y, box[y][x]);
	} else if (pressed & BUTTON_A) {
		last_move = work.cursor;
		begin_turn(work.sides[OWN].moves[work.cursor]);
	} else if (pressed & BUTTON_B) {
		open_menu();
	}
}

static void play_frame(void)
{
	switch (work.phase) {
	case DRAWING:
		if (row == COMPOSE) { /* in a frame of its own: there is much to work out in an action's */
			compose_action();
			row = 0;
			break;
		}
		show_box(row, after == TYPING);
		row += 2;
		if (row == 4) {
			work.phase = after;
			row = column = 0;
		}
		break;
	case TYPING:
		play_typing();
		break;
	case READING:
		if (pressed & (BUTTON_A | BUTTON_B))
			go_on();
		break;
	case MENU:
		play_menu();
		break;
	case MOVES:
		play_moves();
		break;
	case DRAINING:
		play_draining();
		break;
	case FALLING:
		show_falling(work.actor ^ 1, fallen);
		if (++fallen == 14)
			wait_for_reader();
		break;
	}
}

/* An encounter: the host's, from the seed, or the next one of a person's game. */
static void begin(void)
{
	meet();
	draw_encounter();
	show_status(OWN);
	show_status(FOE);
	flush();
	work.frames = 0;
	work.over = work.overruns = work.latest_line = before = last_move = 0;
	compose_opening();
	say(OPENING);
	switch_on();
}

static void start_over(void)
{
	uint8_t i;
	for (i = 0; i != 4; i++)
		((volatile uint8_t *)&work.generator)[i] = work.seed[i];
	if (work.encounter < 1 || work.encounter > ENCOUNTERS)
		work.encounter = 1;
	work.victories = 0;
	work.start = 0;
	begin();
}

/* The title and the end of an encounter wait for a person. */
static void play_outside(uint8_t clock)
{
	if (work.phase == TITLE && (pressed & (BUTTON_UP | BUTTON_DOWN))) {
		work.setting = pressed & BUTTON_DOWN ? CATCH : BATTLE;
		show(6, 13, work.setting == CATCH ? ' ' : TILE_CURSOR);
		show(6, 15, work.setting == CATCH ? TILE_CURSOR : ' ');
	} else if (pressed & (BUTTON_START | BUTTON_A)) {
		if (work.phase == TITLE) {
			work.seed[0] = clock | 1; /* the moment of the press is the seed */
			work.seed[1] = clock ^ 0x5A;
			work.encounter = 1;
			work.start = 1;
		} else {
			work.encounter = work.next_encounter;
			begin();
		}
	}
}

void main(void)
{
	uint8_t line, clock = 1;
	work.start = work.setting = work.over = work.cursor = 0;
	work.phase = TITLE;
	buttons = 0;
	load_tiles();
	draw_title();
	show(6, 13, TILE_CURSOR);
	work.alive = 1;
	for (;;) {
		wait_for(INTERRUPT_STATUS);
		INTERRUPT_FLAGS = 0;
		read_buttons();
		clock++;
		if (work.start) {
			start_over();
			continue;
		}
		if (work.phase != TITLE)
			work.frames++;
		if (work.phase == TITLE || work.phase == OVER) {
			play_outside(clock);
			if (work.phase == DRAWING)
				continue;
		} else {
			play_frame();
		}
		line = LINE;
		if (line < LOGIC_LINE || line >= 144)
			work.overruns++;
		if (line > work.latest_line)
			work.latest_line = line;
		wait_for(INTERRUPT_VBLANK);
		flush();
		SCROLL_X = scroll;
		BACKGROUND_PALETTE = palette;
		if (LINE != 0 && LINE < 144)
			work.overruns++;
	}
}
