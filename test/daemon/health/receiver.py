"""Receives what systemd would: a unix datagram socket; each message goes to standard output as a line of JSON."""

import array
import json
import os
import socket
import sys

path = sys.argv[1]
server = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
server.bind(path)
print(json.dumps({"listening": True}), flush=True)
while True:
    data, ancillary, _, _ = server.recvmsg(65536, socket.CMSG_SPACE(64))
    for level, kind, payload in ancillary:
        if level == socket.SOL_SOCKET and kind == socket.SCM_RIGHTS:
            # systemd-notify sends a descriptor with BARRIER=1 and waits until it is closed.
            handles = array.array("i")
            handles.frombytes(payload[: len(payload) - len(payload) % handles.itemsize])
            for handle in handles:
                os.close(handle)
    print(json.dumps({"text": data.decode()}), flush=True)
