"""A program in a pod. Reads one JSON string of Python a line, runs it, and answers with the value of its last expression."""
import ast
import errno
import json
import os
import socket
import struct
import sys
import threading
import time

held = []


def family(address):
    return socket.AF_INET6 if ':' in address else socket.AF_INET


def serve(address, port=8080, name=None):
    """A TCP server that greets with its name and a newline, then echoes until the client is done."""
    listener = socket.socket(family(address), socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.bind((address, port))
    listener.listen(1024)
    held.append(listener)

    def talk(connection):
        try:
            with connection:
                connection.sendall((name or address).encode() + b'\n')
                while data := connection.recv(65536):
                    connection.sendall(data)
        except OSError:
            pass

    def accept():
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            threading.Thread(target=talk, args=(connection,), daemon=True).start()

    threading.Thread(target=accept, daemon=True).start()
    return listener


def stop(listener):
    """Closes a listener although a thread is in accept()."""
    listener.shutdown(socket.SHUT_RDWR)
    listener.close()


def serve_datagrams(address, port=5300, name=None):
    """A UDP server that answers "NAME DATA"."""
    server = socket.socket(family(address), socket.SOCK_DGRAM)
    server.bind((address, port))
    held.append(server)

    def answer():
        while True:
            try:
                data, sender = server.recvfrom(65536)
                server.sendto((name or address).encode() + b' ' + data, sender)
            except OSError:
                return

    threading.Thread(target=answer, daemon=True).start()
    return server


def dial(address, port=80, kind=socket.AF_UNSPEC):
    """A connected TCP socket, kept open. `kind` AF_INET6 with an IPv4 address dials its mapped form."""
    if kind == socket.AF_INET6 and ':' not in address:
        address = '::ffff:' + address
    connection = socket.socket(family(address), socket.SOCK_STREAM)
    connection.settimeout(10)
    try:
        connection.connect((address, port))
    except OSError:
        connection.close()
        raise
    return connection


def greeting(connection):
    name = b''
    while not name.endswith(b'\n'):
        byte = connection.recv(1)
        if not byte:
            raise ConnectionResetError(errno.ECONNRESET, 'no greeting')
        name += byte
    return name[:-1].decode()


def call(address, port=80, kind=socket.AF_UNSPEC):
    """Connects, closes once greeted, and returns the greeting."""
    with dial(address, port, kind) as connection:
        name = greeting(connection)
        connection.shutdown(socket.SHUT_WR)
        while connection.recv(65536):
            pass
        return name


def tally(count, address, port=80):
    """How often each backend answered `count` calls."""
    names = {}
    for _ in range(count):
        name = call(address, port)
        names[name] = names.get(name, 0) + 1
    return names


def error_of(attempt):
    """The name of the errno with which attempt() fails, or its value's text."""
    try:
        return str(attempt())
    except OSError as error:
        return errno.errorcode.get(error.errno, repr(error))


def reset(connection):
    """Closes with RST."""
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack('ii', 1, 0))
    connection.close()


def text(value):
    """What JSON has no form for: bytes as text, anything else (a socket) as null."""
    return value.decode() if isinstance(value, bytes) else None


def main():
    world = globals()
    for line in sys.stdin:
        try:
            body = ast.parse(json.loads(line)).body
            last = body.pop() if body and isinstance(body[-1], ast.Expr) else None
            exec(compile(ast.Module(body, []), 'test', 'exec'), world)
            value = eval(compile(ast.Expression(last.value), 'test', 'eval'), world) if last else None
            reply = {'value': value}
        except BaseException as error:
            import traceback
            reply = {'error': ''.join(traceback.format_exception(error))}
        print(json.dumps(reply, default=text), flush=True)
    os._exit(0)


main()
