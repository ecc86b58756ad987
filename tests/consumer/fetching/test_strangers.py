"""What strangers wrote into a topic is put aside, and the rest is delivered."""

import json

import consumer
from consumer.dataset.folder import home_of
from tests.command_line import run_here


def test_what_a_stranger_wrote_into_a_topic_is_put_aside_and_the_rest_delivered(make_job, tmp_path):
    job = make_job()
    job.state("running")
    spoilt = [b"", b"\xff" * 40, job.datum(0, 1)[:-3], job.datum(0, 1) + b"\x00", b"of another schema" * 50]
    strange = [
        (1, b"0:1", spoilt[0]),  # where 0:1 belongs, before the good one
        (1, b"0:1", spoilt[1]),
        (2, b"0:2", spoilt[2]),
        (3, b"1:2", spoilt[3]),
        (0, b"1:3", spoilt[4]),
        (0, None, job.datum(0, 0)),
        (0, b"0:" + b"9" * 400, job.datum(0, 0)),
        (0, b"99:1", job.datum(0, 0)),
        (3, b"0:0", job.datum(0, 0)),  # a good datum in a wrong partition
        (0, b"\x00\xff", b"noise"),
    ]
    for partition, key, value in strange:
        job.raw(partition, key, value)
    for fragment in range(len(job.sizes)):
        job.send(fragment)
        job.done(fragment)
    job.state("complete")
    outdir = tmp_path / "out"
    words = ["consume", job.topic, "--kafka", job.kafka, "--outdir", str(outdir), "--json"]
    for new in (sum(job.sizes), 0):
        done = run_here(*words)
        assert done.returncode == 4, done.stderr
        told = json.loads(done.stdout)
        assert (told["num_alerts"], told["num_alerts_new"], told["num_rejected"]) == (sum(job.sizes), new, len(strange))
        assert (told["complete"], told["missing"]) == (False, 0)
    named = sorted(path.name for path in (home_of(outdir) / "rejected").iterdir())
    assert len(named) >= len(strange)
    told = run_here(*words[:-1])
    assert str(home_of(outdir) / "rejected") in told.stdout + told.stderr
    proof = consumer.verify(outdir)
    assert (proof.complete, proof.missing, proof.num_alerts) == (False, 0, sum(job.sizes))
