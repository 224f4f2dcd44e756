"""What must have come of a random session, by what each end has done: README.md, "Nothing is lost at an end".

Where both ends act, which of them came first is the network's choice; the record tells which it was, and what follows
from that must be true on both sides. So a row holds for whoever did what it names:

    the client                 the service gets                        the record says
    ------------------------   -------------------------------------   ------------------------------------
    sent Close                 all before it, then a proper end        client_closed, or service_closed
      and was gone at once       the same if its Close was read at       the same; else client_vanished
                                 all, else a beginning, then RST
    ended without Close        all it had sent, then RST               client_vanished, or service_closed
    sent a wrong frame         all before it, then RST                 client_protocol_error, or service_closed
    reset, or closed over      a beginning of it, then RST             client_vanished, or service_closed
      what it had not read

    the service                the client gets                         the record says
    ------------------------   -------------------------------------   ------------------------------------
    ended                      all it had sent, then Close 1000        service_closed
    cut its TLS                all it had sent, then Close 1011        service_error
    reset                      a beginning of it, then Close 1011      service_error
    closed over what it had    all it had sent, then Close 1000,       service_closed,
      not read                   or a beginning, then 1011               or service_error

A client that has ended is owed nothing more. Its own Close is answered at once: it gets a beginning of what the service
sent, and its own code back, unless it was told of another end before. As long as it listens, its connection ends with a
Close and properly, and what came to it is what the record counts. A service that has reset or cut its connection is
owed nothing more, likewise; one that has closed over what it had not read may count as either.
"""

import dataclasses

# What the record may say, by the act.
ENDINGS = {
    "close": {"client_closed"},
    "close_hard": {"client_vanished"},  # its Close was lost,
    "close_read": {"client_closed"},  # or not
    "fin": {"client_vanished"},
    "cut": {"client_vanished"},
    "reset": {"client_vanished"},
    "hard": {"client_vanished"},
    "breach": {"client_protocol_error"},
}
SERVICE_ENDINGS = {
    "fin": {"service_closed"},
    "cut": {"service_error"},
    "reset": {"service_error"},
    "hard": {"service_closed", "service_error"},
}
LISTENS = {"none", "close", "breach"}  # clients that do until the end
UNTIL_THE_END = {"none", "fin"}  # and services
CODES = {"service_closed": 1000, "service_error": 1011, "client_protocol_error": 1002}


@dataclasses.dataclass
class Story:
    """What one end did, and what it met. `act` is "none" where the other was faster."""

    act: str = "none"
    sent: int = 0  # bytes of payload
    sent_all: bool = True  # exactly these; else the connection broke while it sent
    messages_sent: int = 0
    heard: int = 0
    messages_heard: int = 0
    ended: str = ""  # "properly", "broken", or not heard to the end
    close_heard: int = 0  # the code
    code: int = 0  # of the Close it sends, if it does
    replied: bool = False  # it acted only once it had heard of the session's end
    complaints: list = dataclasses.field(default_factory=list)  # what was wrong already as it came


def complaints(client, service, record):
    """Everything about this session that must not be, as sentences."""
    if client.act == "close_hard" and record and record.get("close_received"):
        client.act = "close_read"
    found = [f"the client heard: {text}" for text in client.complaints]
    found += [f"the service heard: {text}" for text in service.complaints]
    if record is None:
        return [*found, "there is no record of it"]
    found += _of_the_record(client, service, record)
    found += _at_the_service(client, service, record)
    found += _at_the_client(client, service, record)
    return found


def _of_the_record(client, service, record):
    ending = record.get("ending")
    may_be = SERVICE_ENDINGS.get(service.act, set())
    if not client.replied:
        may_be = may_be | ENDINGS.get(client.act, set())
    if ending not in may_be:
        yield f"the record says {ending}, and nobody did that"
    elif record["ended_by"] != ending.split("_")[0]:
        yield f"the record says {ending} by {record['ended_by']}"


def _at_the_service(client, service, record):
    if service.act not in UNTIL_THE_END and service.act != "cut":
        return
    listened = service.act in UNTIL_THE_END
    whole = client.act not in ("reset", "hard", "close_hard")
    if service.ended == "properly":
        if client.act not in ("close", "close_read"):
            yield f"a proper end came to the service, and the client's was {client.act}"
    elif service.ended != "broken":
        yield "the service never met an end"
    elif client.act == "none" and listened:
        yield "the service's connection broke, and the client has done nothing"
    elif client.act in ("close", "close_read") and listened:
        yield "the service's connection broke, and the client had sent Close"
    if not listened:
        return
    if whole and client.sent_all and service.heard != client.sent:
        yield f"{service.heard} of {client.sent} bytes came to the service"
    if service.heard != record["from_client_bytes"]:
        yield f"{service.heard} bytes came to the service, the record counts {record['from_client_bytes']}"
    counted = record["from_client_messages"]
    if whole and client.sent_all and counted != client.messages_sent:
        yield f"{client.messages_sent} messages were sent to the service, the record counts {counted}"


def _at_the_client(client, service, record):
    code = client.close_heard
    if code == 1000 and service.act not in ("fin", "hard"):
        yield f"Close 1000 came to the client, and the service's end was {service.act}"
    if code == 1011 and service.act not in ("cut", "reset", "hard"):
        yield f"Close 1011 came to the client, and the service's end was {service.act}"
    if code == 1000 or (code == 1011 and service.act == "cut"):
        if not service.sent_all or client.heard != service.sent:
            yield f"{client.heard} of {service.sent} bytes came to the client before Close {code}"
    if client.act not in LISTENS:
        return
    due = CODES.get(record["ending"], client.code)
    answer = {"close": client.code, "breach": 1002}.get(client.act)  # which may come before a reset is read to its end
    if code != due and (record["ending"], code) != ("service_error", answer):
        yield f"Close {code} came to the client instead of {due}"
    if client.ended != "properly":
        yield f"the client's connection ended {client.ended or 'not at all'}"
    if record["close_sent"] != code:
        yield f"the record says that Close {record['close_sent']} was sent, {code} came"
    if client.heard != record["to_client_bytes"]:
        yield f"{client.heard} bytes came to the client, the record counts {record['to_client_bytes']}"
    if client.messages_heard != record["to_client_messages"]:
        yield f"{client.messages_heard} messages came to the client, the record counts {record['to_client_messages']}"
