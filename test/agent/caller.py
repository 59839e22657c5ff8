"""What a program in a house knows besides pod.py: doors, which stand for every backend, and connections that tell through which they came."""
import select

IPV6_RECVPKTINFO = 49
IPV6_PKTINFO = 50
RESET = struct.pack('ii', 1, 0)
doors = {}
boxes = {}
kept = []


def shown(host, port):
    host = host.removeprefix('::ffff:')
    return f'[{host}]:{port}' if ':' in host else f'{host}:{port}'


def open_doors(*ports):
    """A listener and a datagram socket on every address of the namespace, both families, for each port."""
    for port in ports:
        door = socket.socket(socket.AF_INET6, socket.SOCK_STREAM)
        door.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        door.bind(('::', port))
        door.listen(1024)
        doors[door] = port
        box = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
        box.setsockopt(socket.IPPROTO_IPV6, IPV6_RECVPKTINFO, 1)
        box.bind(('::', port))
        boxes[box] = port


def connect(address, port):
    """Both ends of a new connection."""
    client = socket.socket(family(address), socket.SOCK_STREAM)
    client.settimeout(5)
    try:
        client.connect((address, port))
        ready, _, _ = select.select(list(doors), [], [], 5)
        return client, ready[0].accept()[0]
    except BaseException:
        client.close()
        raise


def arrive(address, port=80):
    """Connects, resets, and returns the ADDRESS:PORT that was reached, or the name of the errno."""
    try:
        client, served = connect(address, port)
    except OSError as error:
        return errno.errorcode.get(error.errno, repr(error))
    where = served.getsockname()
    client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
    client.close()
    served.close()
    return shown(where[0], where[1])


def drop(address, port=80):
    """Sends a datagram from a new socket; returns the ADDRESS:PORT that it reached, or the name of the errno."""
    with socket.socket(family(address), socket.SOCK_DGRAM) as client:
        try:
            client.sendto(b'x', (address, port))
        except OSError as error:
            return errno.errorcode.get(error.errno, repr(error))
        ready, _, _ = select.select(list(boxes), [], [], 5)
        if not ready:
            return 'lost'
        _, notes, _, _ = ready[0].recvmsg(16, 128)
        for level, kind, data in notes:
            if level == socket.IPPROTO_IPV6 and kind == IPV6_PKTINFO:
                return shown(socket.inet_ntop(socket.AF_INET6, data[:16]), boxes[ready[0]])


def count(way, times, address, port=80):
    """How often `times` arrivals were at each place."""
    places = {}
    for _ in range(times):
        place = way(address, port)
        places[place] = places.get(place, 0) + 1
    return places


def sequence(way, times, address, port=80):
    return [way(address, port) for _ in range(times)]


def keep(times, address, port=80):
    """Connections that stay open."""
    for _ in range(times):
        kept.append(connect(address, port))


def let_go():
    while kept:
        client, served = kept.pop()
        client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
        client.close()
        served.close()


def exchange(index):
    """Whether a kept connection still carries bytes both ways."""
    client, served = kept[index]
    served.settimeout(5)
    client.sendall(b'ping')
    asked = served.recv(16)
    served.sendall(asked + b'!')
    return client.recv(16).decode()
