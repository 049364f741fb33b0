/* The unlimited frame pool on the K-symbol ring, written plainly: the yardstick of the compiled simulator.
 *
 * usage: frame_pool FRAMES SEED MEAN P SYMBOLS
 * Each frame: the ring jumps with probability 1-p, an inference starts (exponential time of that mean in frames), the
 * freshest output due in this frame is applied and pays 1 if it matches the symbol shown.
 * Prints: seconds, inaction fraction, reward per frame, then the delay law a_1 .. a_63.
 */
#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#define RING 1024

static uint64_t state[4];

static inline uint64_t rotl(uint64_t x, int k) { return (x << k) | (x >> (64 - k)); }

static inline uint64_t next(void) { /* xoshiro256++ (Blackman & Vigna) */
  uint64_t result = rotl(state[0] + state[3], 23) + state[0], t = state[1] << 17;
  state[2] ^= state[0];
  state[3] ^= state[1];
  state[1] ^= state[2];
  state[0] ^= state[3];
  state[2] ^= t;
  state[3] = rotl(state[3], 45);
  return result;
}

static inline double uniform(void) { return (next() >> 11) * 0x1.0p-53; }

int main(int argc, char **argv) {
  if (argc != 6) return 2;
  int64_t frames = atoll(argv[1]);
  uint64_t seed = strtoull(argv[2], 0, 10);
  double mean = atof(argv[3]), p = atof(argv[4]);
  int symbols = atoi(argv[5]);
  for (int i = 0; i < 4; i++) { /* splitmix64 */
    uint64_t z = (seed += 0x9e3779b97f4a7c15);
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
    z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
    state[i] = z ^ (z >> 31);
  }
  static int64_t due[RING];    /* newest observation due in a frame, -1: none */
  static int history[RING];    /* symbol of each frame */
  static int64_t delays[RING]; /* frames served with each delay */
  for (int i = 0; i < RING; i++) due[i] = -1;
  int64_t inaction = 0, reward = 0;
  int symbol = 0;
  struct timespec begin, end;
  clock_gettime(CLOCK_MONOTONIC, &begin);
  for (int64_t k = 0; k < frames; k++) {
    if (uniform() >= p) {
      symbol += 1 + (int)(uniform() * (symbols - 1));
      if (symbol >= symbols) symbol -= symbols;
    }
    history[k & (RING - 1)] = symbol;
    int64_t delay = (int64_t)ceil(-mean * log(1.0 - uniform()));
    if (delay < 1) delay = 1;
    if (delay > RING - 1) delay = RING - 1;
    due[(k + delay) & (RING - 1)] = k;
    int64_t observation = due[k & (RING - 1)];
    if (observation < 0) {
      inaction++;
    } else {
      delays[k - observation]++;
      reward += history[observation & (RING - 1)] == symbol;
      due[k & (RING - 1)] = -1;
    }
  }
  clock_gettime(CLOCK_MONOTONIC, &end);
  printf("%.9f %.9f %.9f", (end.tv_sec - begin.tv_sec) + 1e-9 * (end.tv_nsec - begin.tv_nsec),
         (double)inaction / frames, (double)reward / frames);
  for (int j = 1; j < 64; j++) printf(" %.9f", (double)delays[j] / frames);
  printf("\n");
  return 0;
}
