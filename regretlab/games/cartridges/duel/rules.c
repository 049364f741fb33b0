/* The rules: who meets whom, what an action does, what a foe chooses. All chance comes from one generator. */
#include "duel.h"

#define OWN_HP 64
#define OWN_STRENGTH 32

uint8_t first_actor;

/* Marsaglia's xorshift, 32 bits; the byte that is used is not the weakest. */
static uint8_t random_byte(void)
{
	uint32_t state = work.generator;
	state ^= state << 13;
	state ^= state >> 17;
	state ^= state << 5;
	work.generator = state;
	return (uint8_t)(state >> 16);
}

/* A number below `limit` (at most 16), exactly uniform: what is out of range is drawn again. */
uint8_t uniform(uint8_t limit)
{
	uint8_t value, mask = limit <= 2 ? 1 : limit <= 4 ? 3 : 15;
	do
		value = random_byte() & mask;
	while (value >= limit);
	return value;
}

static void prepare(uint8_t side, uint8_t species, uint8_t hp, uint8_t strength)
{
	volatile struct monster *monster = &work.sides[side];
	uint8_t i;
	monster->species = species;
	monster->type = species >= TYPES ? species - TYPES : species;
	monster->hp = monster->most = monster->shown = hp;
	monster->strength = strength;
	for (i = 0; i != 4; i++)
		monster->moves[i] = species_moves[species][i];
}

/* Set up the encounter: the foe by its number, one's own monster by the seed. */
void meet(void)
{
	const struct foe *foe = &foes[work.encounter - 1];
	uint8_t own;
	do
		own = uniform(SPECIES);
	while (own == foe->species);
	prepare(OWN, own, OWN_HP, OWN_STRENGTH);
	prepare(FOE, foe->species, foe->hp, foe->strength);
	work.nets = work.setting == CATCH ? NETS : 0;
	work.turns = work.foe_fainted = work.own_fainted = work.caught = work.actions = work.texts = 0;
	work.damage = work.chance = work.move = work.actor = work.result = 0;
	work.next_encounter = work.encounter;
}

static uint8_t effect(uint8_t of, uint8_t on)
{
	if (of == TYPES)
		return EVEN;
	if (on == (of == TYPES - 1 ? 0 : of + 1))
		return STRONG;
	if (on == of || of == (on == TYPES - 1 ? 0 : on + 1))
		return WEAK;
	return EVEN;
}

/* A move of the foe's: any; if that is not strong it thinks again, by its wits. */
uint8_t foes_move(void)
{
	uint8_t move = work.sides[FOE].moves[uniform(4)];
	if (effect(moves[move].type, work.sides[OWN].type) != STRONG && random_byte() < foes[work.encounter - 1].wits)
		move = work.sides[FOE].moves[uniform(4)];
	return move;
}

/* Who begins the turn: either side, by a throw of a coin; a net comes first. */
void choose_order(void)
{
	first_actor = uniform(2);
}

static void throw_net(void)
{
	volatile struct monster *foe = &work.sides[FOE];
	uint8_t missing = (uint16_t)((foe->most - foe->hp) << 4) / foe->most;
	/* sixteenths of hp that are missing, squared; less of them the harder the foe */
	work.chance = 4 + (uint8_t)((uint16_t)(missing * missing) * (40 - 2 * work.encounter) / 40);
	work.nets--;
	work.result = BROKEN;
	if (random_byte() < work.chance)
		work.result = HELD;
}

/* Work out an action; hp changes at once, the bar follows. */
void act(uint8_t actor, uint8_t move)
{
	volatile struct monster *other = &work.sides[actor ^ 1];
	uint16_t damage;
	work.actor = actor;
	work.move = move;
	work.damage = 0;
	work.actions++;
	if (move == NET) {
		throw_net();
		return;
	}
	work.result = MISSED;
	if (random_byte() >= (uint16_t)(moves[move].accuracy * 41) >> 4)
		return;
	work.result = effect(moves[move].type, other->type);
	damage = (uint16_t)(moves[move].power * work.sides[actor].strength) >> 6;
	if (work.result == STRONG)
		damage <<= 1;
	else if (work.result == WEAK)
		damage >>= 1;
	damage -= (uint16_t)(damage * (random_byte() & 7)) >> 5; /* the roll: 78 to 100 per cent */
	if (damage > other->hp)
		damage = other->hp;
	work.damage = damage;
	other->hp -= damage;
}
