; Start-up code of every cartridge: interrupt vectors, header, stack, then main.
;
; Interrupts stay disabled: they only wake the processor from `halt`, and main decides what to do. The header's title,
; sizes and checksums are filled in by the build; the logo area stays empty.

	.module crt0
	.globl	_main

	.area	_HEADER (ABS)
	.org	0x40		; vertical blank
	reti
	.org	0x48		; LCD status (line reached)
	reti
	.org	0x50		; timer
	reti
	.org	0x58		; serial
	reti
	.org	0x60		; buttons
	reti

	.org	0x100
	nop
	jp	start

	.org	0x150
start:
	di
	ld	sp, #0xe000
	call	_main
stop:
	halt
	nop
	jr	stop

	.area	_CODE
	.area	_HOME
	.area	_BASE
	.area	_LIT
	.area	_INITIALIZER
	.area	_GSINIT
	.area	_GSFINAL
	.area	_DATA
	.area	_INITIALIZED
	.area	_BSS
	.area	_HEAP
