"""As much of grpcurl as the documents use, for machines that have none: it knows nothing of the hub but what reflection tells.

`grpcurl -plaintext [-H "name: value"]... [-d JSON] HOST:PORT list | SERVICE/METHOD`
"""

from __future__ import annotations

import argparse
import sys

import grpc
from google.protobuf import json_format
from google.protobuf.descriptor_pool import DescriptorPool
from google.protobuf.message_factory import GetMessageClass
from grpc_reflection.v1alpha.proto_reflection_descriptor_database import ProtoReflectionDescriptorDatabase


def main() -> int:
    """Exits 1 with the status when the hub refuses, as grpcurl exits with another one."""
    parser = argparse.ArgumentParser(prog="grpcurl")
    parser.add_argument("-plaintext", action="store_true")
    parser.add_argument("-H", dest="headers", action="append", default=[])
    parser.add_argument("-d", dest="data", default="{}")
    parser.add_argument("address")
    parser.add_argument("what")
    asked = parser.parse_args()
    with grpc.insecure_channel(asked.address) as channel:
        database = ProtoReflectionDescriptorDatabase(channel)
        if asked.what == "list":
            print("\n".join(sorted(database.get_services())))
            return 0
        try:
            return call(channel, database, asked)
        except grpc.RpcError as error:
            print(f"ERROR:\n  Code: {error.code().name}\n  Message: {error.details()}", file=sys.stderr)
            return 1


def call(channel: grpc.Channel, database: ProtoReflectionDescriptorDatabase, asked: argparse.Namespace) -> int:
    """One call, its answers as JSON."""
    name, _, method_name = asked.what.rpartition("/")
    pool = DescriptorPool(database)
    method = pool.FindServiceByName(name).methods_by_name[method_name]
    request = json_format.Parse(asked.data, GetMessageClass(method.input_type)(), descriptor_pool=pool)
    metadata = [(key.strip().lower(), value.strip()) for key, _, value in (one.partition(":") for one in asked.headers)]
    open_call = channel.unary_stream if method.server_streaming else channel.unary_unary
    invoke = open_call(
        f"/{name}/{method_name}",
        request_serializer=lambda message: message.SerializeToString(),
        response_deserializer=GetMessageClass(method.output_type).FromString,
    )
    answers = invoke(request, metadata=metadata, timeout=30)
    for answer in answers if method.server_streaming else [answers]:
        print(json_format.MessageToJson(answer, preserving_proto_field_name=True, descriptor_pool=pool), flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
