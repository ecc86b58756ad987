"""Plots: SVG on white, the same file from the same figures."""

from xml.etree import ElementTree

from benchmarks.page.beside import Found
from benchmarks.page.plots import PLOTS, write_plots
from tests.benchmarks.invented import figures


def test_every_plot_is_drawn_on_white(tmp_path):
    assert write_plots(Found(figures()), tmp_path) == list(PLOTS)
    for name in PLOTS:
        drawn = (tmp_path / f"{name}.svg").read_bytes()
        assert b"fill: #ffffff" in drawn
        assert b"<dc:date>" not in drawn
        assert ElementTree.fromstring(drawn).tag.endswith("svg")


def test_the_same_figures_make_the_same_file_and_an_old_plot_goes(tmp_path):
    (tmp_path / "codecs.svg").write_text("old")
    only = [one for one in figures() if one.section == "consumers"]
    assert write_plots(Found(only), tmp_path) == ["consumers"]
    assert [path.name for path in tmp_path.iterdir()] == ["consumers.svg"]
    first = (tmp_path / "consumers.svg").read_bytes()
    write_plots(Found(only), tmp_path)
    assert (tmp_path / "consumers.svg").read_bytes() == first
