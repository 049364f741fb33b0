/* The registers of the console that our cartridges use, and waiting for the screen. */
#ifndef GAMEBOY_H
#define GAMEBOY_H

#include <stdint.h>

#define REGISTER(address) (*(volatile uint8_t *)(address))

#define JOYPAD REGISTER(0xFF00)
#define INTERRUPT_FLAGS REGISTER(0xFF0F)
#define LCD_CONTROL REGISTER(0xFF40)
#define LCD_STATUS REGISTER(0xFF41)
#define SCROLL_Y REGISTER(0xFF42)
#define SCROLL_X REGISTER(0xFF43)
#define LINE REGISTER(0xFF44)
#define LINE_COMPARE REGISTER(0xFF45)
#define BACKGROUND_PALETTE REGISTER(0xFF47)
#define INTERRUPT_ENABLE REGISTER(0xFFFF)

#define INTERRUPT_VBLANK 0x01
#define INTERRUPT_STATUS 0x02

#define TILE_DATA ((volatile uint8_t *)0x8000)
#define TILE_MAP ((volatile uint8_t *)0x9800)
#define TILE_MAP_WIDTH 32

/* Sleep until the event comes; return at once if it came since it was last waited for.
 *
 * Interrupts stay disabled: `halt` then sleeps until one is requested and goes on without calling a handler. With handlers,
 * `ei` followed by `halt` loses an event that comes between the two.
 */
static void wait_for(uint8_t event)
{
	INTERRUPT_ENABLE = event;
	while (!(INTERRUPT_FLAGS & event))
		__asm__("halt\n\tnop");
	INTERRUPT_FLAGS &= (uint8_t)~event;
}

#endif
