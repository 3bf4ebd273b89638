"""An authority as some load balancers are: it knows type A, and answers SERVFAIL to all else.

Run as ``python -I a_only.py ADDRESS NAME=ADDRESS …``; it prints ``ready`` when it can be asked.
"""

import socket
import sys
from collections.abc import Mapping

import dns.exception
import dns.flags
import dns.message
import dns.rcode
import dns.rdatatype
import dns.rrset

TTL_SECONDS = 60
MOST_BYTES = 65_535


def reply_to(data: bytes, addresses: Mapping[str, str]) -> bytes:
    """Answer one query; raises ``dns.exception.DNSException`` for what is none."""
    query = dns.message.from_wire(data)
    reply = dns.message.make_response(query)
    question = query.question[0]
    address = addresses.get(question.name.to_text(omit_final_dot=True).lower())
    if question.rdtype == dns.rdatatype.A and address is not None:
        reply.flags |= dns.flags.AA
        reply.answer.append(dns.rrset.from_text(question.name, TTL_SECONDS, "IN", "A", address))
    else:
        reply.set_rcode(dns.rcode.SERVFAIL)
    return reply.to_wire()


def main(place: str, *records: str) -> None:
    """Answer until killed."""
    addresses = dict(record.split("=") for record in records)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as server:
        server.bind((place, 53))
        print("ready", flush=True)
        while True:
            data, client = server.recvfrom(MOST_BYTES)
            try:
                reply = reply_to(data, addresses)
            except (dns.exception.DNSException, IndexError):
                continue
            server.sendto(reply, client)


if __name__ == "__main__":
    main(*sys.argv[1:])
