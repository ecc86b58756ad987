"""How many messages that could not be read are kept, over all rounds of a folder."""

import dataclasses

from consumer.dataset import MOST_REJECTED, Journal, RejectedMessage, Round, keep_rejected

EMPTY = Round(index=0, offsets={}, files=[], rows={}, digests={}, num_duplicates=0)


def message(offset: int, value: bytes = b"", **more) -> RejectedMessage:
    return RejectedMessage(**({"partition": 0, "offset": offset, "key": b"k", "value": value, "reason": "bad"} | more))


def written(journal: Journal, messages: list[RejectedMessage]) -> list[int]:
    """Take a round's messages in; returns the offsets of those that are kept."""
    kept = keep_rejected(journal, messages)
    entry = dataclasses.replace(EMPTY, index=journal.num_rounds, rejected=kept.entries, num_more_rejected=kept.num_more)
    journal.append(entry)
    assert [(entry["partition"], entry["offset"]) for entry in kept.entries] == list(kept.values)
    return [offset for _, offset in kept.values]


def test_the_first_of_all_rounds_are_kept_and_the_others_counted(tmp_path):
    path = tmp_path / "journal.jsonl"
    journal = Journal(path)
    assert written(journal, [message(at) for at in range(600)]) == list(range(600))
    journal = Journal(path)  # another run
    assert written(journal, [message(at) for at in range(600, 5000)]) == list(range(600, MOST_REJECTED))
    assert written(journal, [message(5000)]) == []
    for read in (journal, Journal(path)):
        assert (len(read.rejected), read.num_rejected) == (MOST_REJECTED, 5001)


def test_they_take_100_mb_at_most(tmp_path):
    path, large = tmp_path / "journal.jsonl", b"x" * 40_000_000
    assert written(Journal(path), [message(at, large) for at in range(2)]) == [0, 1]
    # The third does not fit, and then no later one is kept in its place.
    assert written(Journal(path), [message(2, large), message(3)]) == []
    assert written(Journal(path), [message(4)]) == []
    assert Journal(path).num_rejected == 5


def test_a_long_key_and_a_long_reason_are_cut(tmp_path):
    kept = keep_rejected(
        Journal(tmp_path / "journal.jsonl"), [message(0, key=b"\xff" * 10**7, reason="x" * 10**7), message(1, key=None)]
    )
    assert all(len(str(entry)) < 3000 for entry in kept.entries)


def test_a_round_of_an_earlier_program_reads_as_it_was_and_is_written_as_it_was(tmp_path):
    item = {"partition": 0, "offset": 1, "key": "k", "reason": "bad"}
    line = dataclasses.replace(EMPTY, rejected=[item]).to_line()
    assert b"num_more_rejected" not in line
    (tmp_path / "journal.jsonl").write_bytes(line)
    journal = Journal(tmp_path / "journal.jsonl")
    assert (journal.num_rejected, journal.rejected_nbytes) == (1, 0)
