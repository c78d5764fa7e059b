"""A gRPC service on loopback that speaks a client library's own message types, and fails when told to."""

import threading
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import grpc

Message = Any
"""A protobuf message: what its fields are, the message types say."""


class RefusalError(Exception):
    """What a service answers instead of a response."""

    def __init__(self, code: grpc.StatusCode, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message


@dataclass(frozen=True, slots=True)
class Method:
    """An rpc: its messages (proto-plus or raw classes), and what answers it; a stream if it returns an iterator."""

    request: Any
    response: Any
    answer: Callable[[Message], Any]
    is_stream: bool = False


class Faults:
    """Failures on demand: the next calls of an rpc fail, before they do anything or after they did it all."""

    def __init__(self) -> None:
        self._guard = threading.Lock()
        self._planned: list[tuple[str, str, RefusalError]] = []
        self.calls: dict[str, int] = {}

    def fail(self, rpc: str, code: grpc.StatusCode, *, times: int = 1, when: str = "before") -> None:
        with self._guard:
            self._planned += [(rpc, when, RefusalError(code, f"{code.name} on demand"))] * times

    def check(self, rpc: str, when: str) -> None:
        with self._guard:
            if when == "before":
                self.calls[rpc] = self.calls.get(rpc, 0) + 1
            for index, (planned, at, refusal) in enumerate(self._planned):
                if (planned, at) == (rpc, when):
                    del self._planned[index]
                    raise refusal


class GrpcService:
    """A served set of rpcs; `target` is where an insecure channel finds it."""

    def __init__(self, services: Mapping[str, Mapping[str, Method]], threads: int = 48) -> None:
        self.faults = Faults()
        self._server = grpc.server(
            ThreadPoolExecutor(threads, thread_name_prefix="emulator"),
            options=[("grpc.max_receive_message_length", -1), ("grpc.max_send_message_length", -1)],
        )
        for service, methods in services.items():
            handlers = {name: self._handler(name, method) for name, method in methods.items()}
            self._server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler(service, handlers),))
        self.target = f"127.0.0.1:{self._server.add_insecure_port('127.0.0.1:0')}"

    def start(self) -> None:
        self._server.start()

    def stop(self) -> None:
        self._server.stop(grace=None).wait()

    def _handler(self, name: str, method: Method) -> Any:
        request, response = raw(method.request), raw(method.response)
        messages = {"request_deserializer": request.FromString, "response_serializer": response.SerializeToString}

        def unary(message: Message, context: grpc.ServicerContext) -> Message:
            return next(stream(message, context))

        def stream(message: Message, context: grpc.ServicerContext) -> Iterator[Message]:
            try:
                self.faults.check(name, "before")
                answer = method.answer(message)
                self.faults.check(name, "after")
            except RefusalError as refusal:
                context.abort(refusal.code, refusal.message)
            yield from answer if method.is_stream else (answer,)

        if method.is_stream:
            return grpc.unary_stream_rpc_method_handler(stream, **messages)
        return grpc.unary_unary_rpc_method_handler(unary, **messages)


def raw(kind: Any) -> Any:
    """Find the protobuf class below a proto-plus class; a protobuf class is itself."""
    return type(kind.pb(kind())) if hasattr(kind, "pb") else kind


def invalid(message: str) -> RefusalError:
    """Refuse an argument."""
    return RefusalError(grpc.StatusCode.INVALID_ARGUMENT, message)
