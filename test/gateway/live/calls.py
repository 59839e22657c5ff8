"""gRPC servers and clients without generated code: messages are bytes. Loaded by pod.py's program."""
import threading
import time
from concurrent import futures

import grpc

servers = {}


class Cart(grpc.GenericRpcHandler):
    """Methods of shop.Cart. Answers begin with the server's name."""

    def __init__(self, name):
        self.name = name
        self.remaining = []
        self.metadata = []
        self.refusals = 0
        self.calls = 0

    def service(self, details):
        method = details.method.removeprefix('/shop.Cart/')
        self.metadata = list(details.invocation_metadata)
        return {
            'Get': grpc.unary_unary_rpc_method_handler(self.get),
            'Wait': grpc.unary_unary_rpc_method_handler(self.wait),
            'Refuse': grpc.unary_unary_rpc_method_handler(self.refuse),
            'List': grpc.unary_stream_rpc_method_handler(self.list),
            'Sum': grpc.stream_unary_rpc_method_handler(self.sum),
            'Chat': grpc.stream_stream_rpc_method_handler(self.chat),
        }.get(method)

    def get(self, request, context):
        self.calls += 1
        return self.name.encode() + b' ' + request

    def wait(self, request, context):
        """For so many seconds."""
        self.remaining.append(context.time_remaining())
        time.sleep(float(request))
        return self.name.encode()

    def refuse(self, request, context):
        """UNAVAILABLE for the first calls of all, as many as `refusals`, then fine; or the status that the request names."""
        self.calls += 1
        if request:
            context.set_trailing_metadata((('x-why', 'asked'),))
            context.abort(grpc.StatusCode[request.decode()], 'no: 100 % ü')
        if self.refusals > 0:
            self.refusals -= 1
            context.abort(grpc.StatusCode.UNAVAILABLE, 'later')
        return self.name.encode()

    def list(self, request, context):
        for index in range(int(request)):
            yield f'{self.name} {index}'.encode()

    def sum(self, requests, context):
        return f'{self.name} {sum(int(each) for each in requests)}'.encode()

    def chat(self, requests, context):
        for each in requests:
            yield self.name.encode() + b' ' + each


def serve_calls(address, port=8080):
    handler = Cart(address)
    server = grpc.server(futures.ThreadPoolExecutor(max_workers=32), options=[('grpc.so_reuseport', 0)])
    server.add_generic_rpc_handlers((handler,))
    if server.add_insecure_port(f'{address}:{port}') == 0:
        raise OSError(f'{address}:{port}')
    server.start()
    servers[address] = (server, handler)


channels = {}


def channel_to(target):
    """One connection, kept."""
    if target not in channels:
        options = [('grpc.use_local_subchannel_pool', 1), ('grpc.enable_http_proxy', 0), ('grpc.enable_retries', 0)]
        channels[target] = grpc.insecure_channel(target, options=options)
    return channels[target]


def outcome(call):
    """`[status, text, seconds]` of what a call came to."""
    began = time.monotonic()
    try:
        answer = call()
        return ['OK', answer if isinstance(answer, list) else answer.decode(), time.monotonic() - began]
    except grpc.RpcError as error:
        return [error.code().name, error.details(), time.monotonic() - began]


def unary(target, method, request='', timeout=20, metadata=()):
    call = channel_to(target).unary_unary(f'/shop.Cart/{method}')
    return outcome(lambda: call(request.encode(), timeout=timeout, metadata=metadata))


def many(target, count, at_once=16):
    """How many of so many unary calls each server answered, or which status came, over one connection."""
    call = channel_to(target).unary_unary('/shop.Cart/Get')
    counts = {}
    waiting = []

    def settle(future):
        try:
            key = future.result().decode().split(' ')[0]
        except grpc.RpcError as error:
            key = error.code().name
        counts[key] = counts.get(key, 0) + 1

    for _ in range(count):
        waiting.append(call.future(b'', timeout=20))
        if len(waiting) == at_once:
            settle(waiting.pop(0))
    for future in waiting:
        settle(future)
    return counts


def listing(target, count):
    call = channel_to(target).unary_stream('/shop.Cart/List')
    return outcome(lambda: [each.decode() for each in call(str(count).encode(), timeout=20)])


def summing(target, numbers):
    call = channel_to(target).stream_unary('/shop.Cart/Sum')
    return outcome(lambda: call(iter([str(each).encode() for each in numbers]), timeout=20))


def chatting(target, words):
    """Says the next word only after the answer to the last."""
    answered = threading.Semaphore(1)

    def said():
        for word in words:
            answered.acquire()
            yield word.encode()

    def heard():
        answers = []
        for answer in channel_to(target).stream_stream('/shop.Cart/Chat')(said(), timeout=20):
            answers.append(answer.decode())
            answered.release()
        return answers

    return outcome(heard)


class Load:
    """Calls of some ms each in threads, until it is ended. Each failed call is `[status, begun]`, in s since the epoch."""

    def __init__(self, target, threads=8):
        self.call = channel_to(target).unary_unary('/shop.Cart/Wait')
        self.done = 0
        self.failed = []
        self.running = True
        self.threads = [threading.Thread(target=self.run, daemon=True) for _ in range(threads)]
        for thread in self.threads:
            thread.start()

    def run(self):
        while self.running:
            begun = time.time()
            try:
                self.call(b'0.02', timeout=20)
                self.done += 1
            except grpc.RpcError as error:
                self.failed.append([error.code().name, begun])

    def end(self):
        self.running = False
        for thread in self.threads:
            thread.join()
        return {'done': self.done, 'failed': self.failed}
