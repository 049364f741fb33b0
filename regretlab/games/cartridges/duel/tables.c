/* Monsters, moves and encounters. */
#include "duel.h"
#include "font.h"

const char type_names[TYPES + 1][6] = {"EMBER", "MOSS", "SLATE", "GALE", "TIDE", "PLAIN"};

/* Two monsters of each type. */
const char species_names[SPECIES][9] = {
	"ASHLING", "MOSSEL", "PEBBIT", "ZEFFIN", "PUDLIN", "KILNOX", "THORNIX", "MENHIRA", "SQUALLOR", "BRINEK",
};

const struct move moves[] = {
	{"NUDGE", 5, 12, 100},
	{"WALLOP", 5, 30, 60},
	{"SCORCH", 0, 28, 90},
	{"FLAREUP", 0, 44, 60},
	{"LEAFCUT", 1, 28, 90},
	{"ROOTGRIP", 1, 44, 60},
	{"GRAVEL", 2, 28, 90},
	{"ROCKFALL", 2, 44, 60},
	{"DRAFT", 3, 28, 90},
	{"CYCLONE", 3, 44, 60},
	{"DOUSE", 4, 28, 90},
	{"FLOODING", 4, 44, 60},
};

/* Each has a move of its own type, two of others, and a plain one: which is best depends on the foe. */
const uint8_t species_moves[SPECIES][4] = {
	{0, 2, 6, 9},
	{8, 0, 4, 11},
	{1, 10, 2, 6},
	{4, 3, 0, 8},
	{10, 7, 8, 0},
	{6, 0, 3, 10},
	{0, 5, 10, 8},
	{4, 7, 1, 2},
	{2, 10, 9, 0},
	{0, 4, 6, 11},
};

/* In order of difficulty. */
const struct foe foes[ENCOUNTERS] = {
	{1, 54, 24, 0},
	{0, 57, 25, 28},
	{2, 60, 26, 56},
	{3, 63, 27, 84},
	{4, 66, 28, 112},
	{5, 68, 28, 140},
	{6, 71, 29, 168},
	{9, 74, 30, 196},
	{8, 77, 31, 224},
	{7, 80, 32, 252},
};
