"""Networks distilled from the scripts that read a game's memory: pixels in, an action for each age out.

``distilled:FILE.safetensors`` plays such a file, ``regretlab distil`` writes one. Two kinds of labels: ``actions``
(one head per age predicts the script's action in the frame that it will reach) and, for stacker, ``landings`` (the
network predicts the script's plan, what each landing is worth, and where the piece is; fixed rules press the buttons).
"""

from ...needs import need

need("play", "a distilled network")
