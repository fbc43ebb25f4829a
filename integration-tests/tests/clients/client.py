"""A second client of hotpair's API, as an operator would write it: grpcio, no options, no generated code.

Use: client.py RUN_DIR. Everything is found out by reflection. Ends with 0 and `OK` on the last line, or says what is wrong.
"""
import sys

import grpc
from google.protobuf import json_format, message_factory
from google.protobuf.descriptor_pool import DescriptorPool
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha.proto_reflection_descriptor_database import ProtoReflectionDescriptorDatabase

SERVICES = {
    "hbd.sock": ("hotpair.heartbeat.v1.HeartbeatService", "GetPeer", "WatchPeer"),
    "arbiterd.sock": ("hotpair.arbiter.v1.ArbiterService", "GetStatus", "WatchStatus"),
    "resd.sock": ("hotpair.resource.v1.ResourceService", "GetObserved", "WatchObserved"),
}


def method(channel, pool, service, name):
    """A callable for one method, with its request class, both from what the server says of itself."""
    found = pool.FindServiceByName(service).FindMethodByName(name)
    request = message_factory.GetMessageClass(found.input_type)
    answer = message_factory.GetMessageClass(found.output_type)
    kind = channel.unary_stream if found.server_streaming else channel.unary_unary
    call = kind(f"/{service}/{name}", request_serializer=request.SerializeToString, response_deserializer=answer.FromString)
    return call, request


def main(run_dir):
    """Asks each daemon 200 times over one channel, opens a stream, asks for its health."""
    for socket, (service, unary, watch) in SERVICES.items():
        with grpc.insecure_channel(f"unix:{run_dir}/{socket}") as channel:
            database = ProtoReflectionDescriptorDatabase(channel)
            listed = set(database.get_services())
            for wanted in (service, "grpc.health.v1.Health", "grpc.reflection.v1alpha.ServerReflection"):
                assert wanted in listed, f"{socket}: {wanted} is not listed: {listed}"
            pool = DescriptorPool(database)
            call, request = method(channel, pool, service, unary)
            for _ in range(200):
                answer = call(request(), timeout=10)
            assert json_format.MessageToDict(answer), f"{socket}: an empty answer"
            stream, request = method(channel, pool, service, watch)
            watching = stream(request(), timeout=10)
            assert json_format.MessageToDict(next(watching)), f"{socket}: an empty first message"
            watching.cancel()
            health = health_pb2_grpc.HealthStub(channel).Check(health_pb2.HealthCheckRequest(), timeout=10)
            assert health.status == health_pb2.HealthCheckResponse.SERVING, f"{socket}: {health}"
            print(f"{socket}: {len(listed)} services, 200 calls, a stream, health")
    print("OK")


main(sys.argv[1])
