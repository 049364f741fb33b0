"""Policies behind a server: the openpi protocol, a server for our policies, and the workers that ask one.

The protocol is that of openpi (Physical Intelligence): a websocket; the server sends a frame of metadata first; each
request is one msgpack message {key: observation} and each reply one with ``actions`` and ``server_timing``; an error is
a text frame, after which the server closes the connection. ``wire`` packs and checks messages, ``client`` is the policy
of a worker, ``http`` asks a server by POST requests instead, ``server`` serves a policy, ``load`` measures how long
answers take with several requests in flight.
"""

from ...needs import need

need("serve", "a policy server")

__all__: list[str] = []
