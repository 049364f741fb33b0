/* The screen: what changes goes on a list in the frame's logic, and from there to the screen in the vertical blank. */
#include "duel.h"

#define BAR_TILES 6 /* of 8 pixels */
#define TILE_BAR 1  /* nine of them: 0 to 8 pixels full */
#define TILE_BAR_LEFT 10
#define TILE_BAR_RIGHT 11
#define TILE_CORNER 12 /* four corners, then a horizontal and a vertical line */
#define TILE_ACROSS 16
#define TILE_UP 17
#define TILE_FOE 128 /* 36 tiles, column by column; then 36 of one's own */
#define TILE_OWN 164
#define PICTURE 6

extern const uint8_t font[];

struct change {
	uint8_t *address;
	uint8_t tile;
};
struct change changes[64];
uint8_t changed, scroll, palette;
uint8_t box[4][18];

static uint8_t *cell_at(uint8_t x, uint8_t y)
{
	return (uint8_t *)0x9800 + ((uint16_t)y << 5) + x;
}

void show(uint8_t x, uint8_t y, uint8_t tile)
{
	struct change *change = &changes[changed++];
	change->address = cell_at(x, y);
	change->tile = tile;
}

/* Write the list to the screen: 14 cycles a change, so that all fit into the vertical blank. */
void flush(void) __naked
{
	__asm
	ld	a, (_changed)
	or	a, a
	ret	z
	ld	b, a
	ld	hl, #_changes
next_change:
	ld	a, (hl+)
	ld	e, a
	ld	a, (hl+)
	ld	d, a
	ld	a, (hl+)
	ld	(de), a
	dec	b
	jr	nz, next_change
	xor	a, a
	ld	(_changed), a
	ret
	__endasm;
}

uint8_t *put(uint8_t *to, const char *text)
{
	for (; *text; text++)
		*to++ = *text;
	return to;
}

/* Write two or three digits, blanks for leading zeros. */
uint8_t *put_number(uint8_t *to, uint8_t number, uint8_t digits)
{
	uint8_t hundreds = 0, tens = 0;
	for (; number >= 100; number -= 100)
		hundreds++;
	for (; number >= 10; number -= 10)
		tens++;
	if (digits == 3)
		*to++ = hundreds ? '0' + hundreds : ' ';
	*to++ = hundreds || tens ? '0' + tens : ' ';
	*to++ = '0' + number;
	return to;
}

void clear_box(void)
{
	uint8_t i, *to = box[0];
	for (i = 4 * 18; i; i--)
		*to++ = ' ';
}

/* Show two rows of the box. */
void show_box(uint8_t row, uint8_t blank)
{
	uint8_t x, y;
	for (y = row; y != row + 2; y++)
		for (x = 0; x != 18; x++)
			show(1 + x, 13 + y, blank ? ' ' : box[y][x]);
}

/* Bar, and for one's own side numbers, of what is shown of hp. */
void show_status(uint8_t side)
{
	volatile struct monster *monster = &work.sides[side];
	uint8_t pixels = (uint16_t)(monster->shown * (BAR_TILES * 8)) / monster->most, i, part, digits[3];
	if (!pixels && monster->shown)
		pixels = 1;
	for (i = 0; i != BAR_TILES; i++) {
		part = pixels > 8 ? 8 : pixels;
		pixels -= part;
		show((side == FOE ? 4 : 13) + i, side == FOE ? 3 : 9, TILE_BAR + part);
	}
	if (side == OWN) {
		put_number(digits, monster->shown, 3);
		for (i = 0; i != 3; i++)
			show(12 + i, 10, digits[i]);
	}
}

static void picture_cell(uint8_t side, uint8_t x, uint8_t y, uint8_t tile)
{
	show((side == FOE ? 13 : 1) + x, (side == FOE ? 0 : 6) + y, tile);
}

/* A picture after it has sunk by some rows; half of the columns a call: 0 and 1, 2 and 3, ... */
void show_falling(uint8_t side, uint8_t step)
{
	uint8_t rows = step >> 1, x, y, first = step & 1 ? 3 : 0;
	uint8_t tile = side == FOE ? TILE_FOE : TILE_OWN;
	for (x = first; x != first + 3; x++)
		for (y = 0; y != PICTURE; y++)
			picture_cell(side, x, y, y < rows ? ' ' : tile + x * PICTURE + y - rows);
}

static const uint8_t mirrored[16] = {0, 8, 4, 12, 2, 10, 6, 14, 1, 9, 5, 13, 3, 11, 7, 15};

/* A picture's tiles, with the display off; one's own looks the other way. */
static void load_picture(uint8_t side, uint8_t species)
{
	const uint8_t *from = monster_tiles + species * (uint16_t)(36 * 16);
	volatile uint8_t *to;
	uint8_t x, i, byte;
	for (x = 0; x != PICTURE; x++) {
		to = TILE_DATA + (side == FOE ? TILE_FOE + x * PICTURE : TILE_OWN + (PICTURE - 1 - x) * PICTURE) * 16;
		for (i = PICTURE * 16; i; i--) {
			byte = *from++;
			*to++ = side == FOE ? byte : (uint8_t)(mirrored[byte & 15] << 4) | mirrored[byte >> 4];
		}
	}
}

static void write(uint8_t x, uint8_t y, const char *text)
{
	put(cell_at(x, y), text);
}

static void frame(uint8_t left, uint8_t top, uint8_t right, uint8_t bottom)
{
	uint8_t x, y;
	for (x = left; x != right; x++)
		*cell_at(x, top) = *cell_at(x, bottom) = TILE_ACROSS;
	for (y = top; y != bottom; y++)
		*cell_at(left, y) = *cell_at(right, y) = TILE_UP;
	*cell_at(left, top) = TILE_CORNER;
	*cell_at(right, top) = TILE_CORNER + 1;
	*cell_at(left, bottom) = TILE_CORNER + 2;
	*cell_at(right, bottom) = TILE_CORNER + 3;
}

static void place_picture(uint8_t x, uint8_t y, uint8_t tile)
{
	uint8_t i, j;
	for (i = 0; i != PICTURE; i++)
		for (j = 0; j != PICTURE; j++)
			*cell_at(x + i, y + j) = tile++;
}

/* Switch the display off and empty the screen. */
static void switch_off(void)
{
	uint8_t *to = (uint8_t *)0x9800;
	uint16_t i;
	INTERRUPT_FLAGS = 0;
	if (LCD_CONTROL & 0x80) /* off there is no vertical blank */
		wait_for(INTERRUPT_VBLANK);
	LCD_CONTROL = 0x00;
	for (i = 0; i != 18 * 32; i++)
		*to++ = ' ';
	changed = scroll = 0;
	palette = 0xE4;
	SCROLL_X = SCROLL_Y = 0;
	BACKGROUND_PALETTE = palette;
	LINE_COMPARE = LOGIC_LINE;
	LCD_STATUS = 0x40;
}

void switch_on(void)
{
	LCD_CONTROL = 0x91;
	INTERRUPT_FLAGS = 0;
}

static void place_bar(uint8_t x, uint8_t y)
{
	write(x - 3, y, "HP");
	*cell_at(x - 1, y) = TILE_BAR_LEFT;
	*cell_at(x + BAR_TILES, y) = TILE_BAR_RIGHT;
}

void draw_title(void)
{
	switch_off();
	load_picture(OWN, 0);
	load_picture(FOE, 4);
	place_picture(2, 5, TILE_OWN);
	place_picture(12, 5, TILE_FOE);
	frame(6, 1, 13, 3);
	write(8, 2, "DUEL");
	write(8, 13, "BATTLE");
	write(8, 15, "CATCH");
	switch_on();
}

/* The whole screen of an encounter but for hp and the box's text. */
void draw_encounter(void)
{
	volatile struct monster *own = &work.sides[OWN], *foe = &work.sides[FOE];
	switch_off();
	load_picture(OWN, own->species);
	load_picture(FOE, foe->species);
	place_picture(1, 6, TILE_OWN);
	place_picture(13, 0, TILE_FOE);
	write(1, 1, species_names[foe->species]);
	write(1, 2, "LV");
	put_number(cell_at(3, 2), work.encounter, 2);
	write(6, 2, type_names[foe->type]);
	place_bar(4, 3);
	write(10, 7, species_names[own->species]);
	write(10, 8, type_names[own->type]);
	place_bar(13, 9);
	*cell_at(15, 10) = '/';
	put_number(cell_at(16, 10), own->most, 3);
	frame(0, 12, 19, 17);
}

static const uint8_t furniture[][8] = { /* of tiles 10 to 20, one shade */
	{0x00, 0x03, 0x06, 0x06, 0x06, 0x06, 0x03, 0x00}, /* left end of a bar */
	{0x00, 0xC0, 0x60, 0x60, 0x60, 0x60, 0xC0, 0x00}, /* right end */
	{0x00, 0x00, 0x1F, 0x3F, 0x38, 0x37, 0x36, 0x36}, /* corners */
	{0x00, 0x00, 0xF8, 0xFC, 0x1C, 0xEC, 0x6C, 0x6C},
	{0x36, 0x36, 0x37, 0x38, 0x3F, 0x1F, 0x00, 0x00},
	{0x6C, 0x6C, 0xEC, 0x1C, 0xFC, 0xF8, 0x00, 0x00},
	{0x00, 0x00, 0xFF, 0xFF, 0x00, 0xFF, 0x00, 0x00}, /* across */
	{0x36, 0x36, 0x36, 0x36, 0x36, 0x36, 0x36, 0x36}, /* up */
	{0x40, 0x60, 0x70, 0x78, 0x70, 0x60, 0x40, 0x00}, /* cursor */
	{0x00, 0x00, 0x7F, 0x3E, 0x1C, 0x08, 0x00, 0x00}, /* more to read */
	{0x10, 0x10, 0x10, 0x10, 0x10, 0x10, 0x10, 0x10}, /* divider */
};

static const uint8_t marks[][9] = { /* their character, then their rows */
	{'!', 0x10, 0x10, 0x10, 0x10, 0x10, 0x00, 0x10, 0x00},
	{'?', 0x38, 0x44, 0x04, 0x08, 0x10, 0x00, 0x10, 0x00},
	{'.', 0x00, 0x00, 0x00, 0x00, 0x00, 0x30, 0x30, 0x00},
	{',', 0x00, 0x00, 0x00, 0x00, 0x30, 0x10, 0x20, 0x00},
	{'/', 0x04, 0x04, 0x08, 0x10, 0x20, 0x40, 0x40, 0x00},
	{':', 0x00, 0x30, 0x30, 0x00, 0x30, 0x30, 0x00, 0x00},
};

static void load_tile(uint8_t tile, const uint8_t *rows)
{
	volatile uint8_t *to = TILE_DATA + (uint16_t)tile * 16;
	uint8_t i;
	for (i = 0; i != 8; i++) {
		*to++ = rows[i];
		*to++ = rows[i];
	}
}

/* Letters at their character codes, and the furniture; once. Leaves the display off. */
void load_tiles(void)
{
	volatile uint8_t *to;
	uint8_t i, x;
	switch_off();
	for (to = TILE_DATA; to != TILE_DATA + 4096; to++)
		*to = 0;
	for (i = 0; i != 36; i++)
		load_tile(i < 10 ? '0' + i : 'A' + i - 10, font + i * 8);
	for (i = 0; i != sizeof(marks) / sizeof(marks[0]); i++)
		load_tile(marks[i][0], marks[i] + 1);
	for (i = 0; i != sizeof(furniture) / sizeof(furniture[0]); i++)
		load_tile(TILE_BAR_LEFT + i, furniture[i]);
	for (i = 0; i != 9; i++) { /* bars: dark lines above and below, what is full in dark gray */
		to = TILE_DATA + (uint16_t)(TILE_BAR + i) * 16;
		for (x = 0; x != 8; x++) {
			uint8_t line = x == 1 || x == 6 ? 0xFF : 0, full = x > 1 && x < 6 ? (uint8_t)~(0xFF >> i) : 0;
			*to++ = line;
			*to++ = line | full;
		}
	}
}
