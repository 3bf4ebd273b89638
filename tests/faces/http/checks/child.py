"""Stands in for the checking process: answers by the domain's first label.

Run as ``child.py NUMBER``, NUMBER being the descriptor of its end of the link.
"""

import json
import socket
import sys


def main() -> None:
    """Answer until the link ends."""
    link = socket.socket(fileno=int(sys.argv[1])).makefile("rwb")
    hello = json.loads(link.readline())
    for line in link:
        ask = json.loads(line)
        number, domain = ask["number"], ask["domain"]
        word = domain.partition(".")[0]
        if word == "dies":
            sys.exit(7)
        if word == "silent":
            continue
        if word == "nonsense":
            link.write(b"\x1b[31m no JSON\n")
        elif word == "endless":
            link.write(b"x" * 9_000_000)
        elif word == "fails":
            link.write(
                json.dumps({"type": "failed", "number": number, "reason": "of its own"}).encode()
            )
            link.write(b"\n")
        elif word == "unable":
            link.write(b'{"type":"failed","reason":"no authorities"}\n')
        else:
            step = {"part": "dns", "subject": domain, "done": 1, "total": 2}
            link.write(
                json.dumps({"type": "step", "number": number, "step": step}).encode() + b"\n"
            )
            link.write(b'{"type":"answer","number":999,"answer":{}}\n')  # of nobody
            answer = {"domain": domain, "state_dir": hello["state_dir"]}
            if word == "told":
                answer["hello"] = hello
            link.write(
                json.dumps({"type": "answer", "number": number, "answer": answer}).encode() + b"\n"
            )
        link.flush()


main()
