/* duel: what its sources share. Rules: rules.c; what there is to fight with: tables.c;
 * what the box says: texts.c; the screen: screen.c; the course of a game: duel.c.
 */
#ifndef DUEL_H
#define DUEL_H

#include "gameboy.h"

#define LOGIC_LINE 8 /* the scan line at which a frame's logic begins */
#define ENCOUNTERS 10
#define SPECIES 10
#define TYPES 5 /* EMBER beats MOSS beats SLATE beats GALE beats TIDE beats EMBER; then PLAIN */
#define NETS 3
#define OWN 0
#define FOE 1
#define NET 0xFF /* in place of a move */

enum { TITLE, DRAWING, TYPING, READING, MENU, MOVES, DRAINING, FALLING, OVER };
enum { BATTLE, CATCH };
enum { MISSED, WEAK, EVEN, STRONG, HELD, BROKEN };

struct monster {
	uint8_t species; /* 0 to 9 */
	uint8_t type;
	uint8_t hp;
	uint8_t most; /* hp when fresh */
	uint8_t strength;
	uint8_t moves[4];
	uint8_t shown; /* what the bar shows of hp */
};

/* The interface in work RAM: the first five lines are written by the host, the rest is for reading. */
struct work {
	uint8_t seed[4];        /* of the generator; not all 0 */
	uint8_t start;          /* host: 1; back to 0 when taken */
	uint8_t setting;        /* 0 battle, 1 catch */
	uint8_t encounter;      /* 1 to 10 */
	uint8_t alive;          /* 1 once booted */
	uint8_t over;           /* 1: the encounter has ended */
	uint8_t overruns;       /* frames whose work came too late: always 0 */
	uint8_t latest_line;    /* the latest scan line at which a frame's logic was done */
	uint8_t phase;          /* see the enumeration above */
	uint32_t frames;        /* since the start of the encounter */
	uint32_t generator;     /* state of the generator */
	uint8_t cursor;         /* line of the menu */
	uint8_t nets;           /* left */
	uint8_t turns;          /* begun */
	uint8_t next_encounter; /* after this one: one up, the same, or one down */
	uint8_t foe_fainted;
	uint8_t own_fainted;
	uint8_t caught;
	uint8_t victories;      /* encounters that came out as the setting wants, since the start */
	uint8_t texts;          /* begun since the start, modulo 256 */
	uint8_t actor;          /* of the latest action: 0 own, 1 foe */
	uint8_t move;           /* of the latest action; 255: a net */
	uint8_t result;         /* of the latest action, see the enumeration above */
	uint8_t damage;         /* of the latest action */
	uint8_t chance;         /* of the latest net, in 256ths */
	uint8_t actions;        /* since the start, modulo 256 */
	uint8_t told;           /* what the latest text tells: 0 opening, 1 refusal, 2 first action, 3 second, 4 ending */
	struct monster sides[2]; /* own, foe */
};
#define work (*(volatile struct work *)0xC000)

struct move {
	char name[9];
	uint8_t type, power, accuracy; /* accuracy in per cent */
};
struct foe {
	uint8_t species, hp, strength, wits; /* wits: how often it thinks again about a move that is not strong */
};
extern const char species_names[SPECIES][9];
extern const uint8_t species_moves[SPECIES][4];
extern const char type_names[TYPES + 1][6];
extern const struct move moves[];
extern const struct foe foes[ENCOUNTERS];
extern const uint8_t monster_tiles[]; /* 36 tiles each */

/* rules.c */
uint8_t uniform(uint8_t limit);
void meet(void);
void choose_order(void);
void act(uint8_t actor, uint8_t move);
uint8_t foes_move(void);
extern uint8_t first_actor;

/* texts.c */
void compose_opening(void);
void compose_menu(void);
void compose_moves(void);
void put_move_facts(void);
void compose_action(void);
void compose_ending(void);
void compose_following(void);

/* screen.c */
extern uint8_t changed;
extern uint8_t box[4][18];
extern uint8_t scroll, palette;
void show(uint8_t x, uint8_t y, uint8_t tile);
void show_box(uint8_t row, uint8_t blank);
void clear_box(void);
uint8_t *put(uint8_t *to, const char *text);
uint8_t *put_number(uint8_t *to, uint8_t number, uint8_t digits);
void show_status(uint8_t side);
void show_falling(uint8_t side, uint8_t rows);
void draw_title(void);
void draw_encounter(void);
void load_tiles(void);
void switch_on(void);
void flush(void);

#define TILE_CURSOR 18
#define TILE_MORE 19
#define TILE_DIVIDER 20

#endif
