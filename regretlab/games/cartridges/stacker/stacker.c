/* stacker: falling blocks.
 *
 * Left and Right move (held: again after 16 frames, then every 6), A and B turn, Down drops softly (every 3 frames, a
 * point a row), Start begins. The logic runs from scan line 8 and only lists what changes on the screen; the list is drawn
 * in the vertical blank. Work that would not fit into a frame is spread: one row is checked, and one row drawn, a frame.
 */
#include "gameboy.h"

#define LOGIC_LINE 8
#define WIDTH 10
#define HEIGHT 18
#define EMPTY 0
#define WALL 8
#define LETTERS 9
#define SPAWN_X 3
#define REPEAT_AFTER 16
#define REPEAT_EVERY 6
#define DROP_EVERY 3
#define TOP_LEVEL 20

enum { WAITING, FALLING, CHECKING, DRAWING, OVER };

/* The interface in work RAM: seed, start_level and start are written by the host, the rest is for reading. */
volatile uint8_t __at(0xC000) seed[4];       /* of the generator; not all 0 */
volatile uint8_t __at(0xC004) start;         /* host: 1; back to 0 when taken */
volatile uint8_t __at(0xC005) start_level;   /* 0 to 20 */
volatile uint8_t __at(0xC006) alive;         /* 1 once booted */
volatile uint8_t __at(0xC007) over;          /* 1: the game is over */
volatile uint8_t __at(0xC008) score[3];      /* binary-coded decimal, lowest byte first */
volatile uint8_t __at(0xC00B) level;         /* binary-coded decimal */
volatile uint16_t __at(0xC00C) lines;        /* rows cleared */
volatile uint8_t __at(0xC00E) overruns;      /* frames whose work came too late: always 0 */
volatile uint8_t __at(0xC00F) latest_line;   /* the latest scan line at which a frame's logic was done */
volatile uint32_t __at(0xC010) frames;       /* frames since the start of the game */
volatile uint32_t __at(0xC014) generator;    /* state of the generator */
volatile uint8_t __at(0xC018) piece;         /* 0 to 6: I O T S Z J L */
volatile uint8_t __at(0xC019) turn;          /* 0 to 3, clockwise */
volatile int8_t __at(0xC01A) piece_x;        /* of the box of 4 x 4 cells; may be negative */
volatile int8_t __at(0xC01B) piece_y;
volatile uint8_t __at(0xC01C) next_piece;
volatile uint8_t __at(0xC01D) phase;         /* 0 waiting, 1 falling, 2 checking rows, 3 drawing rows, 4 over */
volatile uint8_t __at(0xC01E) pieces;        /* locked so far, modulo 256 */
uint8_t __at(0xC020) board[WIDTH * HEIGHT];  /* row by row from the top; 0 empty, else 1 + piece */

extern const uint8_t shapes[]; /* 7 pieces x 4 turns x 4 cells, x + 16 y */
extern const uint8_t font[];   /* 8 bytes a letter: digits, then A to Z */

static const uint8_t gravity[TOP_LEVEL + 1] = {48, 43, 38, 33, 28, 23, 18, 13, 10, 8, 7, 6, 6, 5, 5, 4, 4, 3, 3, 2, 2};

struct change {
	uint8_t *address;
	uint8_t tile;
};
static struct change changes[32];
static uint8_t changed;
static uint8_t buttons, before, repeat, fall, drop, row, rows_left, cleared, speed, pending, pending_low, pending_high;
static uint8_t score_shown, lines_in_level;
static uint16_t row_start[HEIGHT];

static void show(uint8_t x, uint8_t y, uint8_t tile)
{
	struct change *change = &changes[changed++];
	change->address = (uint8_t *)0x9800 + ((uint16_t)y << 5) + x;
	change->tile = tile;
}

/* Marsaglia's xorshift; pieces are uniform: three bits of it, seven left out. */
static uint8_t draw_piece(void)
{
	uint8_t i, value;
	for (;;) {
		uint32_t state = generator;
		state ^= state << 13;
		state ^= state >> 17;
		state ^= state << 5;
		generator = state;
		for (i = 1; i != 4; i++) {
			value = ((volatile uint8_t *)&generator)[i] & 7;
			if (value != 7)
				return value;
		}
	}
}

static const uint8_t *cells_of(uint8_t which, uint8_t turned)
{
	return shapes + (uint8_t)((uint8_t)(which << 4) + (uint8_t)(turned << 2));
}

static uint8_t fits(int8_t x, int8_t y, uint8_t turned)
{
	const uint8_t *cell = cells_of(piece, turned);
	uint8_t i, column, line;
	for (i = 0; i != 4; i++, cell++) {
		column = x + (*cell & 15);
		line = y + (*cell >> 4);
		if (column >= WIDTH || line >= HEIGHT || board[row_start[line] + column])
			return 0;
	}
	return 1;
}

static void show_piece(uint8_t tile)
{
	const uint8_t *cell = cells_of(piece, turn);
	uint8_t i;
	for (i = 0; i != 4; i++, cell++)
		show(2 + piece_x + (*cell & 15), piece_y + (*cell >> 4), tile);
}

static void show_number(uint8_t x, uint8_t y, uint8_t decimal)
{
	show(x, y, LETTERS + (decimal >> 4));
	show(x + 1, y, LETTERS + (decimal & 15));
}

static uint8_t add_decimal(uint8_t a, uint8_t b, uint8_t *carry)
{
	uint8_t low = (a & 15) + (b & 15) + *carry, high = (a >> 4) + (b >> 4);
	if (low > 9) {
		low -= 10;
		high++;
	}
	*carry = high > 9;
	if (high > 9)
		high -= 10;
	return (high << 4) | low;
}

static void add_score(uint8_t low, uint8_t high)
{
	uint8_t carry = 0;
	score[0] = add_decimal(score[0], low, &carry);
	score[1] = add_decimal(score[1], high, &carry);
	score[2] = add_decimal(score[2], 0, &carry);
	if (carry)
		score[0] = score[1] = score[2] = 0x99;
	score_shown = 0;
}

static void spawn(void)
{
	const uint8_t *cell;
	uint8_t i;
	piece = next_piece;
	next_piece = draw_piece();
	turn = 0;
	piece_x = SPAWN_X;
	piece_y = 0;
	fall = 0;
	for (i = 0; i != 8; i++)
		show(15 + (i & 3), 13 + (i >> 2), EMPTY);
	cell = cells_of(next_piece, 0);
	for (i = 0; i != 4; i++, cell++)
		show(15 + (*cell & 15), 13 + (*cell >> 4), 1 + next_piece);
	show_piece(1 + piece);
	phase = FALLING;
	if (!fits(piece_x, piece_y, turn)) {
		phase = OVER;
		over = 1;
	}
}

/* Move if the place is free, and say whether it was. */
static uint8_t move(int8_t x, int8_t y, uint8_t turned)
{
	if (!fits(x, y, turned))
		return 0;
	show_piece(EMPTY);
	piece_x = x;
	piece_y = y;
	turn = turned;
	return 1;
}

static void lock(void)
{
	const uint8_t *cell = cells_of(piece, turn);
	uint8_t i;
	for (i = 0; i != 4; i++, cell++)
		board[row_start[piece_y + (*cell >> 4)] + piece_x + (*cell & 15)] = 1 + piece;
	pieces++;
	phase = CHECKING;
	row = piece_y;
	rows_left = 4;
	cleared = 0;
	drop = 0;
}

static void play_falling(void)
{
	uint8_t pressed = buttons & ~before, moved = 0, down = 0;
	int8_t x = piece_x;
	if (pressed & 0x01)
		moved = move(piece_x, piece_y, (turn + 1) & 3);
	else if (pressed & 0x02)
		moved = move(piece_x, piece_y, (turn + 3) & 3);
	if (!(buttons & 0x30) || (pressed & 0x30))
		repeat = 0;
	else
		repeat++;
	if ((buttons & 0x30) && (repeat == 0 || repeat == REPEAT_AFTER)) {
		if (repeat)
			repeat = REPEAT_AFTER - REPEAT_EVERY;
		x = buttons & 0x10 ? piece_x + 1 : piece_x - 1;
		if (!moved) /* the cells of a piece that turned are off the screen's list already */
			moved = move(x, piece_y, turn);
		else if (fits(x, piece_y, turn))
			piece_x = x;
	}
	if (buttons & 0x80) {
		if (++drop == DROP_EVERY) {
			drop = 0;
			down = 2;
		}
	} else {
		drop = 0;
	}
	if (++fall >= speed)
		down |= 1;
	if (down) {
		fall = 0;
		if (fits(piece_x, piece_y + 1, turn)) {
			if (!moved)
				show_piece(EMPTY);
			piece_y++;
			moved = 1;
			if (down & 2)
				add_score(1, 0);
		} else {
			lock();
		}
	}
	if (moved)
		show_piece(1 + piece);
}

/* Check one row; a full one goes, and what is above comes down. */
static void check_row(void)
{
	uint8_t *to, *from;
	uint8_t i;
	if (rows_left && row < HEIGHT) {
		from = board + row_start[row];
		for (i = 0; i != WIDTH && *from; i++)
			from++;
		if (i == WIDTH) {
			to = board + row_start[row] + WIDTH - 1;
			from = to - WIDTH;
			for (i = row_start[row]; i; i--)
				*to-- = *from--;
			for (i = 0; i != WIDTH; i++)
				board[i] = EMPTY;
			cleared++;
		}
		row++;
		rows_left--;
		return;
	}
	if (!cleared) {
		spawn();
		return;
	}
	static const uint8_t low[4] = {0x40, 0x00, 0x00, 0x00}, high[4] = {0x00, 0x01, 0x03, 0x12};
	pending_low = low[cleared - 1];
	pending_high = high[cleared - 1];
	pending = (level >> 4) * 10 + (level & 15) + 1; /* points times level + 1, one addition a frame */
	lines += cleared;
	lines_in_level += cleared;
	if (lines_in_level >= 10) {
		lines_in_level -= 10;
		if (level != 0x20) {
			uint8_t carry = 0;
			level = add_decimal(level, 1, &carry);
			speed = gravity[(level >> 4) * 10 + (level & 15)];
			show_number(17, 7, level);
		}
	}
	phase = DRAWING;
	row = HEIGHT;
}

static void draw_row(void)
{
	uint8_t i;
	const uint8_t *cell;
	if (row) {
		row--;
		cell = board + row_start[row];
		for (i = 0; i != WIDTH; i++)
			show(2 + i, row, *cell++);
	} else if (!pending) {
		spawn();
	}
}

static void write(uint8_t x, uint8_t y, const char *text)
{
	uint8_t *to = (uint8_t *)0x9800 + ((uint16_t)y << 5) + x;
	for (; *text; text++, to++)
		*to = *text == ' ' ? EMPTY : *text <= '9' ? LETTERS + (*text - '0') : LETTERS + 10 + (*text - 'A');
}

/* The whole screen, with the display off. */
static void draw_screen(void)
{
	uint8_t x, y, i;
	uint16_t cell;
	INTERRUPT_FLAGS = 0;
	wait_for(INTERRUPT_VBLANK);
	LCD_CONTROL = 0x00;
	for (cell = 0; cell != 1024; cell++)
		TILE_MAP[cell] = EMPTY;
	for (y = 0; y != HEIGHT; y++) {
		TILE_MAP[((uint16_t)y << 5) + 1] = WALL;
		TILE_MAP[((uint16_t)y << 5) + 12] = WALL;
	}
	write(14, 1, "SCORE");
	write(14, 2, "000000");
	write(14, 6, "LEVEL");
	write(14, 11, "NEXT");
	for (cell = 0; cell != 64; cell++) { /* tiles 1 to 8: framed blocks of different filling, the wall */
		x = cell & 7;
		i = cell >> 3;
		y = x == 0 || x == 7 ? 0xFF : 0x81;
		TILE_DATA[16 + 2 * cell] = i == 7 ? (x & 1 ? 0xAA : 0x55) : y | (i & 1 ? 0x3C : 0) | (i & 4 && x & 1 ? 0x54 : 0);
		TILE_DATA[17 + 2 * cell] = i == 7 ? 0xFF : y | (i & 2 ? 0x3C : 0) | (i & 4 && !(x & 1) ? 0x2A : 0);
	}
	for (cell = 0; cell != 36 * 8; cell++) {
		TILE_DATA[16 * LETTERS + 2 * cell] = font[cell];
		TILE_DATA[16 * LETTERS + 2 * cell + 1] = font[cell];
	}
	for (cell = 0; cell != 16; cell++)
		TILE_DATA[cell] = 0;
	SCROLL_X = 0;
	SCROLL_Y = 0;
	BACKGROUND_PALETTE = 0xE4;
	LINE_COMPARE = LOGIC_LINE;
	LCD_STATUS = 0x40;
}

static void switch_on(void)
{
	LCD_CONTROL = 0x91;
	INTERRUPT_FLAGS = 0;
}

static void begin(void)
{
	uint8_t i;
	draw_screen();
	for (i = 0; i != WIDTH * HEIGHT; i++)
		board[i] = EMPTY;
	for (i = 0; i != 4; i++)
		((volatile uint8_t *)&generator)[i] = seed[i];
	score[0] = score[1] = score[2] = 0;
	if (start_level > TOP_LEVEL)
		start_level = TOP_LEVEL;
	level = (uint8_t)((start_level / 10) << 4) | (start_level % 10);
	speed = gravity[start_level];
	lines = 0;
	frames = 0;
	over = overruns = latest_line = pieces = pending = changed = lines_in_level = repeat = drop = before = 0;
	write(14, 17, "      ");
	score_shown = 0;
	start = 0;
	next_piece = draw_piece();
	show_number(17, 7, level);
	spawn();
	switch_on();
}

/* Bits: A 1, B 2, Select 4, Start 8, Right 16, Left 32, Up 64, Down 128. */
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
}

static void flush(void)
{
	struct change *change = changes;
	for (; changed; changed--, change++)
		*change->address = change->tile;
}

void main(void)
{
	uint8_t i, line, clock = 1;
	static const char ended[] = "OVER";
	for (i = 0; i != HEIGHT; i++)
		row_start[i] = i * WIDTH;
	start = phase = start_level = over = 0;
	buttons = 0;
	draw_screen();
	write(3, 6, "STACKER");
	write(2, 9, "  PRESS ");
	write(5, 11, "START");
	switch_on();
	alive = 1;
	for (;;) {
		wait_for(INTERRUPT_STATUS);
		INTERRUPT_FLAGS = 0;
		read_buttons();
		if ((phase == WAITING || phase == OVER) && (buttons & ~before & 0x08)) {
			seed[0] = clock | 1; /* a person's game: the moment of the press is the seed */
			seed[1] = clock ^ 0x5A;
			start = 1;
		}
		clock++;
		if (start) {
			begin();
			continue;
		}
		if (phase == WAITING)
			continue;
		frames++;
		if (phase == FALLING)
			play_falling();
		else if (phase == CHECKING)
			check_row();
		else if (phase == DRAWING)
			draw_row();
		else
			for (i = 0; i != 4; i++)
				show(14 + i, 16, LETTERS + 10 + (ended[i] - 'A'));
		if (pending) {
			pending--;
			add_score(pending_low, pending_high);
		}
		if (!score_shown) {
			show_number(14, 2, score[2]);
			show_number(16, 2, score[1]);
			show_number(18, 2, score[0]);
			score_shown = 1;
		}
		line = LINE;
		if (line < LOGIC_LINE || line >= 144)
			overruns++;
		if (line > latest_line)
			latest_line = line;
		wait_for(INTERRUPT_VBLANK);
		flush();
		if (LINE != 0 && LINE < 144)
			overruns++;
	}
}
