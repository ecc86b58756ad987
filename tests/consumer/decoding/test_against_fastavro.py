"""Whatever schema and values: what fastavro reads row by row, the decoder reads by columns, and nothing else."""

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from consumer.decoding import Datums, Decoder
from tests.consumer.decoding.oracle import plain, read, rows_of, written
from tests.consumer.decoding.strategies import schemas, spoilt, values

# So many lists are read together; fewer by fastavro.
MANY = 50
UNHURRIED = settings(
    deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.filter_too_much]
)


@pytest.mark.parametrize("times", [1, MANY])
@settings(UNHURRIED, max_examples=40)
@given(st.data())
def test_values_of_any_schema(times, data):
    schema = data.draw(schemas())
    alerts = data.draw(st.lists(values(schema), min_size=1, max_size=4)) * times
    datums = [written(schema, alert) for alert in alerts]
    decoder = Decoder(schema)
    decoded = decoder.decode(Datums.of(datums))
    assert decoded.bad == {}
    assert decoded.batch.schema == decoder.schema
    assert decoded.good.tolist() == list(range(len(datums)))
    assert rows_of(decoded.batch) == list(read(schema, decoder.schema, datums).values())


@pytest.mark.parametrize("times", [1, MANY])
@settings(UNHURRIED, max_examples=60)
@given(st.data())
def test_spoilt_datums_are_kept_or_put_aside_as_fastavro_does(times, data):
    schema = data.draw(schemas())
    decoder = Decoder(schema)
    good = [written(schema, alert) for alert in data.draw(st.lists(values(schema), min_size=1, max_size=3))]
    datums = [*good, *(data.draw(spoilt(datum)) for datum in good)] * times
    decoded = decoder.decode(Datums.of(datums))
    expected = read(schema, decoder.schema, datums)
    assert decoded.good.tolist() == list(expected)
    assert sorted(decoded.bad) == sorted(set(range(len(datums))) - set(expected))
    assert rows_of(decoded.batch) == list(expected.values())


@settings(UNHURRIED, max_examples=40)
@given(st.data())
def test_what_lies_around_a_datum_changes_nothing(data):
    schema = data.draw(schemas())
    decoder = Decoder(schema)
    datum = written(schema, data.draw(values(schema)))
    datum = data.draw(st.sampled_from([datum, datum[:-1]]))
    found = []
    for around in (b"\x00", b"\xff", b"\x02"):
        joined = Datums.of([around * 40, datum, around * 40])
        decoded = decoder.decode(Datums(data=joined.data, starts=joined.starts[1:2], ends=joined.ends[1:2]))
        found.append((rows_of(decoded.batch), decoded.bad))
    assert found[0] == found[1] == found[2]
    assert found[0][0] == [plain(row) for row in read(schema, decoder.schema, [datum]).values()]
