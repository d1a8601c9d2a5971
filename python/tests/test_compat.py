# SPDX-License-Identifier: Apache-2.0
"""What programs written for vineyard 0.24 import and call."""

import importlib
import json
import os

import numpy as np
import pandas as pd
import pytest

import vineyard
import vineyard._C as raw

CODES = (
    "Invalid KeyError TypeError IOError EndOfFile NotImplemented AssertionFailed UserInputError ObjectExists ObjectNotExists "
    "ObjectSealed ObjectNotSealed ObjectIsBlob ObjectTypeError MetaTreeInvalid MetaTreeTypeInvalid MetaTreeTypeNotExists "
    "MetaTreeNameInvalid MetaTreeNameNotExists MetaTreeLinkInvalid MetaTreeSubtreeNotExists VineyardServerNotReady ArrowError "
    "ConnectionFailed ConnectionError EtcdError AlreadyStopped RedisError NotEnoughMemory StreamDrained StreamFailed "
    "InvalidStreamState StreamOpened GlobalObjectInvalid UnknownError"
).split()
MODULES = (
    "core core.builder core.resolver core.driver core.client core.utils data data.utils data.tensor data.dataframe data.arrow "
    "data.pickle deploy deploy.local deploy.distributed deploy.kubernetes deploy.etcd io io.byte io.dataframe io.recordbatch "
    "io.stream io.utils shared_memory csi launcher ctl systemd core.codegen"
).split()
NAMES = {
    "": "connect put get envvars memory_copy builder_context resolver_context driver_context register_builtin_types try_init "
    "get_current_socket shutdown Client IPCClient RPCClient Object ObjectID ObjectName ObjectMeta ObjectBuilder Blob BlobBuilder "
    "RemoteBlob RemoteBlobBuilder InstanceStatus BuilderContext ResolverContext Graph default_builder_context "
    "default_resolver_context default_driver_context logger __version__ _C core csi data deploy io launcher shared_memory version",
    "_C": "ClientBase Object ObjectID ObjectName ObjectMeta ObjectBuilder Blob BlobBuilder RemoteBlob RemoteBlobBuilder "
    "InstanceStatus memory_copy _connect VineyardException",
    "data.utils": "normalize_dtype normalize_cpptype normalize_arrow_dtype build_buffer build_numpy_buffer to_json from_json "
    "expand_slice str_to_bool",
    "data.arrow": "buffer_builder as_arrow_buffer table_from_recordbatches",
    "data.tensor": "ndarray make_global_tensor",
    "data.dataframe": "NDArrayArray make_global_dataframe",
    "data.pickle": "PickledReader PickledWriter",
    "io.byte": "ByteStream",
    "io.dataframe": "DataframeStream",
    "io.recordbatch": "RecordBatchStream",
    "io.stream": "BaseStream StreamCollection",
}


@pytest.mark.parametrize("module", MODULES)
def test_modules_can_be_imported(module):
    importlib.import_module(f"vineyard.{module}")


@pytest.mark.parametrize("module", NAMES)
def test_names_are_there(module):
    found = importlib.import_module(f"vineyard.{module}".rstrip("."))
    assert [name for name in NAMES[module].split() if not hasattr(found, name)] == []


@pytest.mark.parametrize("code", CODES)
def test_exceptions_are_one_tree(code):
    error = getattr(raw, f"{code}Exception")
    assert issubclass(error, raw.VineyardException) and issubclass(error, RuntimeError)
    assert getattr(vineyard, f"{code}Exception") is error


@pytest.mark.parametrize(
    "call",
    [
        lambda: vineyard.io.stream.BaseStream.new(None),
        lambda: vineyard.io.byte.ByteStream(),
    ],
)
def test_what_is_to_come_says_so(call):
    with pytest.raises(vineyard.NotImplementedException, match="not there yet"):
        call()


# ---- labels and persisted objects


def test_labels_are_read_back(client):
    object_id = client.put([1, 2])
    assert client.get_meta(object_id).labels == {}
    client.label(object_id, "owner", "me")
    client.label(object_id, {"owner": "you", "a b/c": "\u00fc"})
    meta = client.get_meta(object_id)
    assert meta.labels == {"owner": "you", "a b/c": "\u00fc"}
    assert (meta.label("owner"), meta.label("nothing")) == ("you", "")


def test_labels_are_no_names_and_go_with_the_object(client):
    object_id = client.put([1, 2], name="labelled")
    client.label(object_id, "k", "v")
    client.persist(object_id)
    assert client.list_names("*", limit=1000) == {"labelled": object_id}
    before = client.status.json["objects"]["total"]
    client.delete(object_id)
    client.drop_name("labelled")
    assert client._list_names("*", False, 1000) == {}
    assert client.status.json["objects"]["total"] < before


def test_a_page_of_names_is_full_beside_labels(client):
    ids = [client.put(n, name=f"n{n}") for n in range(8)]
    for object_id in ids:
        client.label(object_id, "k", "v")
    assert len(client.list_names("*", limit=6)) == 6
    assert len(client.list_names("*", limit=100)) == 8


def test_labels_are_texts_of_what_exists(client):
    with pytest.raises(TypeError, match="text"):
        client.label(client.put(1), "k", 5)
    with pytest.raises(vineyard.ObjectNotExistsException):
        client.label(vineyard.ObjectID(12345), "k", "v")


def test_persisting_marks_the_object(client):
    object_id = client.put({"a": 1}, persist=True, name="kept")
    assert client.get(name="kept") == {"a": 1}
    assert client.get_object(object_id).ispersist and not client.get_meta(object_id)["transient"]
    assert not client.get_object(client.put({"a": 1})).ispersist
    with pytest.raises(vineyard.AssertionFailedException):
        client.persist(client.put(b"blob"))
    with pytest.raises(vineyard.MetaTreeSubtreeNotExistsException):
        client.persist(vineyard.ObjectID(12345))


# ---- objects


def test_objects_are_shown_and_indexed_as_before(client):
    object_id = client.put((np.zeros(8), np.ones(4)))
    pair = client.get_object(object_id)
    assert repr(pair) == f'Object <"{object_id!r}": vineyard::Sequence>'
    assert pair["__elements_-0"].typename == pair.member("__elements_-0").typename == "vineyard::Tensor<double>"
    assert pair.signature == int(object_id)
    assert vineyard.Object.from_(client.get_meta(object_id)) == pair
    for missing in (pair.member, pair.__getitem__):
        with pytest.raises(RuntimeError, match="no member 'nothing'"):
            missing("nothing")
    assert client.get_meta(object_id).member("nothing") is None


def test_frames_know_where_they_come_from(client):
    object_id = client.put(pd.DataFrame({"a": [1]}))
    frame = client.get(object_id)
    assert getattr(frame, "__vineyard_ref").id == object_id
    assert getattr(frame, "__vineyard_client") is client


def test_a_member_that_is_not_there_is_a_missing_subtree(client):
    meta = vineyard.ObjectMeta()
    meta["typename"] = "test::T"
    meta.add_member("m", vineyard.ObjectID(12345))
    with pytest.raises(vineyard.MetaTreeSubtreeNotExistsException):
        client.create_metadata(meta)


def test_compression_and_spread_can_be_set(client):
    assert (client.compression, client.spread) == (True, False)
    with client.with_compression(False), client.with_spread():
        assert (client.compression, client.spread) == (False, True)
    assert (client.compression, client.spread) == (True, False)


def test_reports_are_lines_of_json(capsys):
    from vineyard.io.utils import report_error, report_success

    report_success({"id": "o1"})
    report_error("no")
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert lines == [{"type": "return", "content": {"id": "o1"}}, {"type": "error", "content": "no"}]


def test_a_configuration_file_names_the_socket(daemon, tmp_path, monkeypatch):
    monkeypatch.delenv("VINEYARD_IPC_SOCKET", raising=False)
    file = tmp_path / "vineyard" / "vineyard-config.yaml"
    file.parent.mkdir()
    file.write_text(f"# ours\nOther: 1\nVineyard:\n  IPCSocket: '{daemon.socket}'  # here\n  RPCEndpoint: a:1\n")
    for place in (file, tmp_path, str(tmp_path)):
        assert vineyard.connect(config=place).ipc_socket == daemon.socket
    monkeypatch.setenv("VINEYARD_CONFIG", str(tmp_path))
    assert vineyard.connect().ipc_socket == daemon.socket
    file.write_text(f"Vineyard:\n  IPCSocket: {os.path.relpath(daemon.socket, file.parent)}\n")
    assert os.path.samefile(vineyard.connect(config=file).ipc_socket, daemon.socket)


@pytest.mark.parametrize("text", ["", "Vineyard:\n", "IPCSocket: /x\n", "Vineyard:\n  IPCSocket:\n"])
def test_a_configuration_without_a_socket_is_refused(tmp_path, monkeypatch, text):
    monkeypatch.delenv("VINEYARD_IPC_SOCKET", raising=False)
    (tmp_path / "vineyard-config.yaml").write_text(text)
    with pytest.raises(vineyard.ConnectionFailedException, match="IPCSocket"):
        vineyard.connect(config=tmp_path)
    with pytest.raises(FileNotFoundError):
        vineyard.connect(config=tmp_path / "missing.yaml")


def test_what_has_nothing_to_do_answers_at_once(client):
    object_id = client.put(1)
    for call in (client.evict, client.load, client.unpin, client.release_objects):
        assert call([object_id]) is None
    assert client.release_object(object_id) is None
    assert vineyard.RemoteBlob is vineyard.RemoteBlob is raw.RemoteBlob
