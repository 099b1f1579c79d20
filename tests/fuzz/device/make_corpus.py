#!/usr/bin/python3
"""Writes the seed corpus of the device's fuzz targets: make_corpus.py. Run it when a format changes."""
import os
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "../../interop/device"))
import release_builder as rb  # noqa: E402


def put(target, name, data):
    folder = os.path.join(HERE, "corpus", target)
    os.makedirs(folder, exist_ok=True)
    with open(os.path.join(folder, name), "wb") as f:
        f.write(data)


w = rb.World()
plain = rb.make()
slots = {"images": [{"data": b"a", "uri": "a.bin", "slot": 0}, {"data": b"b", "uri": "b.bin", "slot": 1}],
         "classes": [rb.class_id(), rb.class_id(region="eu")], "use_before": rb.NOW, "at_least": [2, 0], "floor": 3}
witness = [(w.witness[0], "w", rb.NOW)]
put("envelope", "envelope", plain.envelope)
put("envelope", "manifest", rb.manifest())
put("envelope", "manifest-slots", rb.manifest(**slots))
put("store", "store", plain.store)
content = w.store_map()
rb.sort_store(content)
put("store", "content", rb.enc(content))
put("proof", "proof", plain.proof)
put("proof", "proof-witness", rb.make(checkpoint_args={"witnesses": witness}, log_size=2, index=1).proof)
both = witness + [(w.witness[1], "x", rb.NOW + 9)]
put("proof", "proof-witnesses", rb.make(checkpoint_args={"witnesses": both}, log_size=2, index=1).proof)
put("record", "record", plain.record)
put("record", "small", b'{"a":[true,{"b":"\\u001f"},0],"keys":[{"spki":"00"}]}')
