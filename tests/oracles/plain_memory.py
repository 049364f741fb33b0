"""A machine that is only memory, for what reads a game's memory: no emulator, a script in the place of the game."""


class Memory:
    """Bytes in the place of a machine; ``script`` is called before each frame with the memory and its number."""

    def __init__(self, script=lambda memory, frame: None):
        self.bytes, self.frame, self.held, self.script = bytearray(0x10000), 0, [], script

    def read(self, address, size=1):
        return int.from_bytes(self.bytes[address : address + size], "little")

    def read_bytes(self, address, size):
        return bytes(self.bytes[address : address + size])

    def write(self, address, value, size=1):
        self.bytes[address : address + size] = value.to_bytes(size, "little")

    def hold(self, buttons):
        self.held = list(buttons)

    def tick(self, render=True):
        self.script(self, self.frame)
        self.frame += 1

    def restart(self):
        self.bytes, self.frame = bytearray(0x10000), 0

    def save(self):
        return bytes(self.bytes) + self.frame.to_bytes(4, "big")

    def load(self, state):
        self.bytes, self.frame, self.held = bytearray(state[:-4]), int.from_bytes(state[-4:], "big"), []
