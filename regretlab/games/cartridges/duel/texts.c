/* What the box says: each composes its four rows; to show them is the matter of duel.c. */
#include "duel.h"

static uint8_t *put_name(uint8_t *to, uint8_t side)
{
	if (side == FOE)
		to = put(to, "FOE ");
	return put(to, species_names[work.sides[side].species]);
}

void compose_opening(void)
{
	clear_box();
	put_name(box[0], FOE);
	put(box[1], work.setting == CATCH ? "ROAMS HERE." : "WANTS A DUEL!");
	put(put_name(put(box[2], "GO, "), OWN), "!");
}

void compose_menu(void)
{
	uint8_t row;
	clear_box();
	put(box[0], "WHAT WILL");
	put_name(box[1], OWN);
	put(box[2], "DO?");
	for (row = 0; row != 4; row++)
		box[row][10] = TILE_DIVIDER;
	put(box[0] + 12, "FIGHT");
	put_number(put(box[2] + 12, "NET"), work.nets, 2);
	box[2 * work.cursor][11] = TILE_CURSOR;
}

/* Type, power and accuracy of the move at the cursor. */
void put_move_facts(void)
{
	const struct move *move = &moves[work.sides[OWN].moves[work.cursor]];
	uint8_t i;
	for (i = 0; i != 3; i++)
		put(box[i] + 11, "       ");
	put(box[0] + 12, type_names[move->type]);
	put_number(put(box[1] + 12, "POW"), move->power, 3);
	put_number(put(box[2] + 12, "ACC"), move->accuracy, 3);
}

void compose_moves(void)
{
	uint8_t row;
	clear_box();
	for (row = 0; row != 4; row++) {
		put(box[row] + 1, moves[work.sides[OWN].moves[row]].name);
		box[row][10] = TILE_DIVIDER;
	}
	box[work.cursor][0] = TILE_CURSOR;
	put_move_facts();
}

void compose_action(void)
{
	static const char *const results[] = {"IT MISSES.", "A WEAK HIT.", "A HIT.", "IT HITS HARD!"};
	clear_box();
	if (work.move == NET) {
		put(box[0], "YOU THROW A NET.");
		if (work.result == HELD)
			put_name(box[1], FOE);
		put(box[2], work.result == HELD ? "IS CAUGHT!" : "IT BREAKS FREE!");
		return;
	}
	put(put_name(box[0], work.actor), " USES");
	put(put(box[1], moves[work.move].name), ".");
	put(box[2], results[work.result]);
}

void compose_ending(void)
{
	clear_box();
	if (work.caught) {
		put(box[0], "WELL CAUGHT!");
	} else {
		put_name(box[0], work.own_fainted ? OWN : FOE);
		put(box[1], "IS WORN OUT.");
		put(box[2], work.own_fainted ? "YOU LOSE." : work.setting == CATCH ? "NO CATCH." : "YOU WIN!");
	}
}

/* What follows; next_encounter is settled. */
void compose_following(void)
{
	static const char *const following[] = {"BACK BY ONE.", "ONCE MORE.", "THE NEXT IS HARDER"};
	uint8_t success = work.setting == CATCH ? work.caught : work.foe_fainted;
	clear_box();
	put_number(put(box[0], "ENCOUNTER"), work.encounter, 3);
	if (success && work.encounter == ENCOUNTERS)
		put(box[1], "THERE IS NO HARDER");
	else
		put(box[1], following[work.next_encounter + 1 - work.encounter]);
	box[3][17] = TILE_MORE;
}
