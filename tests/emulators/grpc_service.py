"""A gRPC service on loopback that speaks a client library's own message types, and fails when told to."""

from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import grpc

from tests.emulators.faults import Faults

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


class GrpcService:
    """A served set of rpcs; `target` is where an insecure channel finds it."""

    def __init__(self, services: Mapping[str, Mapping[str, Method]], threads: int = 48) -> None:
        self.faults: Faults[grpc.StatusCode] = Faults(lambda code: RefusalError(code, f"{code.name} on demand"))
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
