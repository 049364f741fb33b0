/* Free-running workers that keep unused outputs, on the K-symbol ring, written plainly: what a person would write first.
 *
 * usage: kept_outputs FRAMES SEED MEAN P SYMBOLS WORKERS [MODEL [MOST]]
 * Each worker infers back to back (exponential times of that mean in frames) from the frame that was shown when it
 * started. In each frame the freshest output that has completed acts and pays 1 if it matches the symbol shown; the
 * others stay for later frames, at most MOST of them (by default 2^16 - 1); the oldest are discarded. With MODEL 1 the freshest
 * acts until a fresher one comes (a chunk without end); with 2 likewise, but frames of no fresher output are default ones.
 * Prints: seconds, inaction fraction, reward per frame, then the law of ages a_1 .. a_63.
 */
#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#define RING (1 << 20) /* symbols remembered: an output kept longer counts as wrong */
#define STORE (1 << 16)
#define MOST_WORKERS 64

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
  if (argc < 7 || argc > 9) return 2;
  int model = argc > 7 ? atoi(argv[7]) : 0;
  int64_t most = argc > 8 ? atoll(argv[8]) : STORE - 1;
  int64_t frames = atoll(argv[1]);
  uint64_t seed = strtoull(argv[2], 0, 10);
  double mean = atof(argv[3]), p = atof(argv[4]);
  int symbols = atoi(argv[5]), workers = atoi(argv[6]);
  if (workers > MOST_WORKERS) return 2;
  for (int i = 0; i < 4; i++) { /* splitmix64 */
    uint64_t z = (seed += 0x9e3779b97f4a7c15);
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
    z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
    state[i] = z ^ (z >> 31);
  }
  static uint8_t history[RING];   /* symbol of each frame */
  static int64_t store[STORE];    /* observations of unused outputs, a ring in their order */
  static int64_t ages[64];        /* frames served at each age */
  double done[MOST_WORKERS];
  int64_t observed[MOST_WORKERS], first = 0, last = 0, inaction = 0, reward = 0, newest = -1;
  for (int w = 0; w < workers; w++) {
    done[w] = -mean * log(1.0 - uniform());
    observed[w] = 0;
  }
  int symbol = 0;
  struct timespec begin, end;
  clock_gettime(CLOCK_MONOTONIC, &begin);
  for (int64_t k = 0; k < frames; k++) {
    if (uniform() >= p) {
      symbol += 1 + (int)(uniform() * (symbols - 1));
      if (symbol >= symbols) symbol -= symbols;
    }
    history[k & (RING - 1)] = (uint8_t)symbol;
    int fresh = 0;
    for (int w = 0; w < workers; w++) {
      while (done[w] <= (double)k) {
        if (model == 0) {
          int64_t place = last++;
          while (place > first && store[(place - 1) & (STORE - 1)] > observed[w]) {
            store[place & (STORE - 1)] = store[(place - 1) & (STORE - 1)];
            place--;
          }
          store[place & (STORE - 1)] = observed[w];
          if (last - first == STORE) first++;
        } else if (observed[w] > newest) {
          newest = observed[w];
          fresh = 1;
        }
        observed[w] = (int64_t)done[w];
        done[w] += -mean * log(1.0 - uniform());
      }
    }
    if (model != 0) {
      int64_t age = k - newest;
      if (newest >= 0 && (fresh || model == 1)) ages[age < 63 ? age : 63]++;
      if (newest < 0 || (!fresh && model == 2)) inaction++;
      reward += newest >= 0 && age < RING && history[newest & (RING - 1)] == symbol;
    } else if (last == first) {
      inaction++;
    } else {
      int64_t observation = store[--last & (STORE - 1)], age = k - observation;
      ages[age < 63 ? age : 63]++;
      reward += age < RING && history[observation & (RING - 1)] == symbol;
      while (last - first > most) first++;
    }
  }
  clock_gettime(CLOCK_MONOTONIC, &end);
  printf("%.9f %.9f %.9f", (end.tv_sec - begin.tv_sec) + 1e-9 * (end.tv_nsec - begin.tv_nsec),
         (double)inaction / frames, (double)reward / frames);
  for (int j = 1; j < 64; j++) printf(" %.9f", (double)ages[j] / frames);
  printf("\n");
  return 0;
}
