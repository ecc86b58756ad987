"""The page: five lines and a plot at its head, a table a section, and no figure that isn't measured."""

import re

import pytest

from benchmarks.page.beside import Found, head_lines
from benchmarks.page.goals import judged
from benchmarks.page.making import Links, page_text
from benchmarks.page.readme import BEGIN, END, readme_lines, with_lines
from benchmarks.page.sections import SECTIONS
from tests.benchmarks.invented import CASES, experiments, figure, part, results


def page(of, plots=("spark", "ceilings")):
    return page_text(of, Links(images="images/benchmarks", json_path="../benchmarks/results/x.json", plots=plots))


def section(text, title):
    return text.partition(f"## {title}\n")[2].partition("\n## ")[0]


def rows(text):
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in text.splitlines() if line[:1] == "|"]


def test_the_head_has_five_lines_and_one_plot_before_anything_else():
    head = page(results()).partition("\n## ")[0]
    assert max(map(len, head.splitlines())) <= 120
    lines = [line for line in head.replace("\n  ", " ").splitlines() if line.startswith("- ")]
    assert len(lines) == 5
    assert "10 times as many alerts a second as Spark as the service runs it" in lines[0]
    assert "2.7 times as many alerts a second as Spark, tuned" in lines[0]
    # Of whole commands, and of all their processes.
    assert "12 % of that of Spark as the service runs it; 48 % of that of Spark, tuned" in lines[1]
    assert "25 % of that of Spark as the service runs it; 60 %" in lines[2]
    assert "first alert is there after 27 % and the whole command from cold takes 12 % of the time" in lines[3]
    assert head.count("![") == 1
    assert "(images/benchmarks/spark.svg)" in head
    assert head.index("spark.svg") < head.index("../benchmarks/results/x.json")


def test_the_head_names_all_versions_that_parts_were_measured_with():
    later = part("others", ended="2026-11-26T18:00:00+00:00", versions={"python": "3.11.9", "kafka": "4.4.0"})
    newer = part("more", ended="2026-11-26T19:00:00+00:00", versions={"python": "3.12.1"})
    head = page(results(part("experiments", *experiments()), newer, later)).partition("\n## ")[0].replace("\n", " ")
    assert "Versions: python 3.11.9 and 3.12.1, pyarrow 26.0.0, kafka 4.4.0." in head


def test_the_head_tells_the_least_and_the_most_of_all_cases():
    slow = [figure("experiments", "E4", "alert-transfer", "alerts_per_s", 5_000)]
    lines = head_lines(Found([*experiments(), *slow]))
    assert "10 to 15 times" in lines[0]
    assert "2.7 to 4.0 times" in lines[0]


def test_the_head_says_where_spark_is_better():
    worse = [
        figure("experiments", "E4", "alert-transfer", "alerts_per_s", 1_000),
        figure("experiments", "E2", "alert-transfer, from cold", "peak_sum_mb", 1_500),
        figure("experiments", "E3", "alert-transfer, from cold", "cold_s", 44),
    ]
    said = head_lines(Found([*experiments(), *worse]))[-1]
    assert "E4 beside Spark, tuned: 0.80 times as many alerts a second" in said
    assert "E2 beside Spark, tuned: 1.5 times its memory" in said
    assert "E3 beside Spark as the service runs it: whole command from cold after 1.1 times its time" in said
    assert "E1 " not in said


def test_it_says_so_of_a_variant_too_that_the_head_leaves_out():
    worse = figure("experiments", "E3", "Spark without its class UDFs", "peak_sum_mb", 100)
    assert "E3 beside Spark without its class UDFs: " in head_lines(Found([*experiments(), worse]))[-1]


def test_where_nothing_is_worse_the_narrowest_case_is_told():
    said = head_lines(Found(experiments()))[-1]
    assert "nowhere in these experiments" in said
    assert "67 % of its memory" in said


def test_without_a_whole_command_of_ours_the_warm_one_is_held_against_spark():
    warm = [one for one in experiments() if one.what != "alert-transfer, from cold"]
    assert "6 % of that of Spark as the service runs it" in head_lines(Found(warm))[1]


def test_without_spark_as_the_service_runs_it_the_others_are_told():
    without = [one for one in experiments() if one.what != "Spark as the service runs it"]
    lines = head_lines(Found(without))
    assert "Spark without its class UDFs; 2.7 times as many alerts a second as Spark, tuned" in lines[0]


def test_each_section_has_its_command_and_its_table_or_says_that_it_is_left_out():
    text = page(results())
    assert [line[3:] for line in text.splitlines() if line.startswith("## ")] == [one.title for one in SECTIONS]
    for one in SECTIONS:
        body = section(text, one.title)
        if one.name in ("startup", "fairness"):
            assert "Left out" in body
            assert "|" not in body
        else:
            assert ".venv/bin/python benchmarks/" in body
            assert rows(body)


def test_every_figure_of_the_experiments_is_in_the_table():
    table = rows(section(page(results()), SECTIONS[0].title))
    head = table[0]
    by = {(row[0], row[1]): dict(zip(head, row, strict=True)) for row in table[2:] if len(row) == len(head)}
    assert {case for case, _ in by} == set(CASES)
    assert by["E1", "Spark, tuned"]["alerts/s"] == "75,000"
    assert by["E4", "alert-transfer"]["CPU µs an alert"] == "300"
    assert by["E1", "alert-transfer"]["spread"] == "7 %"


def test_the_ceilings_have_the_engines_share_of_each_and_of_their_sum():
    table = rows(section(page(results()), "The ceilings"))
    shares = {row[1]: row[3] for row in table if row[0] == "E1"}
    assert shares == {"bare parts": "68 %", "bare librdkafka": "24 %", "bare pyarrow": "22 %", "encode alone": "22 %"}


def test_growth_has_a_table_an_axis_with_what_is_fixed():
    body = section(page(results()), "Growth")
    assert [row[0] for row in rows(body) if row[0] in ("alerts", "fragments")] == ["alerts", "fragments", "fragments"]
    assert ["1,000,000", "5.40", "5.50"] in rows(body)
    assert ["each one more", "5 µs"] in rows(body)
    assert "Rubin" in body


def test_codecs_have_a_table_each_with_the_others_beside():
    body = section(page(results()), "Encoder, decoder and filter alone")
    heads = [row for row in rows(body) if row[0] in ("encoder", "decoder", "filter")]
    assert [head[0] for head in heads] == ["encoder", "decoder", "filter"]
    assert ["ZTF 2021, full", "8,320", "800", "10"] in rows(body)
    assert ["magnitude, 500 rows", "100,000", "200,000", "0.50"] in rows(body)
    assert "ours beside pandas" in heads[2]
    assert "ours beside fastavro alone" not in heads[2]


def test_the_store_has_a_line_a_case():
    body = section(page(results()), "Reading from S3")
    assert ["versitygw, full, S3, 50 ms", "164", "1.40", "0.70"] in rows(body)
    assert ["versitygw, full, S3, 50 ms", "bytes read, of what is needed", "at most 1.30", "1.40"] in rows(body)


def test_goals_that_are_not_reached_are_told_and_counted():
    text = page(results())
    missed = [one for one in judged(Found(results().figures), "experiments") if not one.is_reached]
    body = section(text, SECTIONS[0].title)
    assert f"Not reached, {len(missed)} of " in body
    assert ["E4", "alerts/s", "at least 6,500", "3,333"] in rows(body)
    assert "Not reached" not in section(text, "The ceilings")


def test_a_small_run_is_not_held_against_the_goals_of_the_full_one():
    assert "Not reached" not in page(results(size="small"))
    assert "goals" not in page(results(size="small"))


def test_a_goal_may_be_a_ratio_or_what_is_left_without_the_work():
    taken = {("E1", "alert-transfer", "cpu_us"): 5, ("E1", "bare parts", "cpu_us"): 4}
    found = Found([figure("experiments", *keys, value) for keys, value in taken.items()])
    values = {one.text: one.value for one in judged(found, "experiments")}
    assert values == {"CPU µs an alert": 5, "CPU µs an alert, beside bare parts": 1.25}
    taken = {"warm": 0.9, "warm: read, encode, send": 0.5}
    found = Found([figure("startup", case, "alert-transfer", "seconds", value) for case, value in taken.items()])
    (one,) = judged(found, "startup")
    assert one.value == pytest.approx(0.4)
    assert not one.is_reached
    assert list(judged(Found(found.figures[:1]), "startup")) == []


def test_parts_of_another_day_or_commit_are_told():
    old = part("others", figure("store", "all", "alert-transfer", "ratio", 1.0), ended="2026-11-20T10:00:00+00:00")
    new = part("experiments", *experiments(), commit="fedcba987+1a2b3c")
    text = page(results(old, new))
    assert "2026-11-20" in section(text, "Reading from S3")
    assert "Commit 0123456ab." in section(text, "Reading from S3")
    assert "Commit fedcba987 with changes." in section(text, SECTIONS[0].title)


def test_the_guards_figures_are_no_part_of_the_page():
    check = part("check-experiments", figure("experiments", "E1", "alert-transfer", "seconds", 987_654), is_check=True)
    assert "987,654" not in page(results(part("experiments", *experiments()), check))


def test_nothing_measured_makes_a_page_without_figures():
    text = page(None, plots=())
    assert "make bench-full" in text
    assert not re.search(r"\d", text)


def test_readme_has_the_three_figures_between_its_marks_and_keeps_the_rest():
    lines = readme_lines(results(), "docs/benchmarks.md")
    assert [line[:5] for line in lines[2:]] == ["- 10 ", "- 2.7", "- top"]
    assert "[docs/benchmarks.md](docs/benchmarks.md)" in lines[0]
    text = with_lines(f"before\n{BEGIN}\nold\n{END}\nafter\n", lines)
    assert text.startswith("before\n")
    assert text.endswith("\nafter\n")
    assert "old" not in text
    assert with_lines(text, lines) == text


def test_readme_without_figures_has_the_link_alone():
    (line,) = readme_lines(None, "docs/benchmarks.md")
    assert "docs/benchmarks.md" in line
