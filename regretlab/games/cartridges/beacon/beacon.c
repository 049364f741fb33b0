/* beacon: a witness MDP in silicon.
 *
 * Each frame one of K symbols is shown. With probability jump_threshold / 65536 the next one is another symbol, uniformly;
 * else it stays (lazy) or moves on by one (rotating). A frame is rewarded if the buttons held during it encode the symbol
 * that was on the screen when the frame began.
 *
 * The logic runs at scan line 72 and the drawing in the vertical blank, so that everything an emulated frame shows and
 * counts is settled when that frame ends: the symbol on the screen after frame k is the one that the buttons of frame
 * k + 1 are scored against, and an agent without delay earns exactly 1 per frame.
 */
#include "gameboy.h"

#define LOGIC_LINE 72
#define SYMBOL_CELLS 12
#define NOTHING 0xFF

/* The interface in work RAM: settings are written by the host before `start`, the rest is for reading. */
volatile uint8_t __at(0xC000) symbols;          /* K, 2 to 15 */
volatile uint8_t __at(0xC001) rotating;         /* 0: stay, 1: move on by one */
volatile uint16_t __at(0xC002) jump_threshold;  /* jump with probability jump_threshold / 65536 */
volatile uint32_t __at(0xC004) seed;            /* of the generator; not 0 */
volatile uint8_t __at(0xC008) start;            /* host: 1; back to 0 when taken */
volatile uint8_t __at(0xC009) latest_line;      /* the latest scan line at which the logic of a frame was done */
volatile uint8_t __at(0xC010) next_symbol;      /* decided, drawn in the coming vertical blank */
volatile uint8_t __at(0xC011) scored_symbol;    /* on the screen when this frame ends */
volatile uint8_t __at(0xC012) overruns;         /* frames whose logic or drawing came too late: always 0 */
volatile uint8_t __at(0xC013) alive;            /* 1: waiting for `start` or playing */
volatile uint32_t __at(0xC014) score;           /* rewarded frames */
volatile uint32_t __at(0xC018) frames;          /* frames played */
volatile uint32_t __at(0xC01C) generator;       /* state of the generator */
volatile uint32_t __at(0xC020) jumps;           /* jumps so far */

extern const uint8_t symbol_cells[];

/* Marsaglia's xorshift, period 2^32 - 1. */
static void step_generator(void)
{
	uint32_t state = generator;
	state ^= state << 13;
	state ^= state >> 17;
	state ^= state << 5;
	generator = state;
}

/* A number below `limit` (at most 16), exactly uniform: bytes of the generator, those out of range left out. */
static uint8_t uniform(uint8_t limit)
{
	uint8_t mask = 15, i, value;
	if (limit <= 2)
		mask = 1;
	else if (limit <= 4)
		mask = 3;
	else if (limit <= 8)
		mask = 7;
	for (;;) {
		step_generator();
		for (i = 1; i != 4; i++) { /* the lowest byte is the weakest: not used */
			value = ((volatile uint8_t *)&generator)[i] & mask;
			if (value < limit)
				return value;
			value = (((volatile uint8_t *)&generator)[i] >> 4) & mask;
			if (value < limit)
				return value;
		}
	}
}

static void decide_next(void)
{
	uint8_t move = rotating;
	step_generator();
	if (((volatile uint16_t *)&generator)[1] < jump_threshold) {
		/* to one of the others: any but the one that the mode leads to */
		move += 1 + uniform(symbols - 1);
		jumps++;
	}
	move += next_symbol;
	while (move >= symbols)
		move -= symbols;
	next_symbol = move;
}

/* Buttons as bits: A 1, B 2, Select 4, Start 8. */
static uint8_t held_buttons(void)
{
	uint8_t buttons;
	JOYPAD = 0x10;
	buttons = JOYPAD;
	buttons = JOYPAD;
	buttons = JOYPAD;
	JOYPAD = 0x30;
	return ~buttons & 0x0F;
}

static void play_frame(void)
{
	if (scored_symbol != NOTHING && held_buttons() == scored_symbol + 1)
		score++;
	frames++;
	scored_symbol = next_symbol;
	decide_next();
}

static void begin(void)
{
	generator = seed;
	score = 0;
	jumps = 0;
	overruns = 0;
	latest_line = 0;
	frames = 0xFFFFFFFF; /* the first frame only shows the first symbol */
	scored_symbol = NOTHING;
	next_symbol = uniform(symbols);
	start = 0;
}

/* Copy 12 x 12 cells to the middle of the screen: 24 cycles a cell, so that it fits into the vertical blank. */
static void draw(const uint8_t *cells) __naked
{
	(void)cells; /* in de */
	__asm
	ld	hl, #0x9864
	ld	b, #12
row:
	.rept	12
	ld	a, (de)
	inc	de
	ld	(hl+), a
	.endm
	ld	a, l
	add	a, #20
	ld	l, a
	jr	nc, same_page
	inc	h
same_page:
	dec	b
	jr	nz, row
	ret
	__endasm;
}

static void set_up_screen(void)
{
	uint16_t i;
	INTERRUPT_FLAGS = 0;
	wait_for(INTERRUPT_VBLANK);
	LCD_CONTROL = 0x00;
	for (i = 0; i != 16; i++)
		TILE_DATA[i] = 0x00; /* tile 0: light */
	for (i = 16; i != 32; i++)
		TILE_DATA[i] = 0xFF; /* tile 1: dark */
	for (i = 0; i != TILE_MAP_WIDTH * 32; i++)
		TILE_MAP[i] = 0;
	SCROLL_X = 0;
	SCROLL_Y = 0;
	BACKGROUND_PALETTE = 0xE4;
	LINE_COMPARE = LOGIC_LINE;
	LCD_STATUS = 0x40; /* interrupt at LINE_COMPARE */
	LCD_CONTROL = 0x91;
	INTERRUPT_FLAGS = 0;
}

void main(void)
{
	uint8_t playing = 0, line;
	const uint8_t *cells;
	start = 0;
	set_up_screen();
	alive = 1;
	for (;;) {
		wait_for(INTERRUPT_STATUS);
		INTERRUPT_FLAGS = 0; /* a vertical blank that nobody waited for is over */
		if (start) {
			begin();
			playing = 1;
		} else if (playing) {
			play_frame();
		}
		if (!playing)
			continue;
		cells = symbol_cells + next_symbol * (uint16_t)(SYMBOL_CELLS * SYMBOL_CELLS);
		line = LINE;
		if (line < LOGIC_LINE || line >= 144)
			overruns++;
		if (line > latest_line)
			latest_line = line;
		wait_for(INTERRUPT_VBLANK);
		draw(cells);
		if (LINE != 0 && LINE < 144)
			overruns++;
	}
}
