"""A file is written complete, or the place is as it was before; a file for each wave has the wave in its name."""

import os
import stat

import pytest

from csi.errors import FileError, StudyError
from csi.files import in_wave, write_whole


def test_makes_the_folder_and_replaces_what_was_there(tmp_path):
    path = tmp_path / "a" / "b.txt"
    write_whole(path, b"old")
    write_whole(path, b"new")
    assert path.read_bytes() == b"new"
    assert [p.name for p in path.parent.iterdir()] == ["b.txt"]


def test_private_files_belong_to_their_owner(tmp_path):
    write_whole(tmp_path / "open", b"x")
    write_whole(tmp_path / "closed", b"x", private=True)
    assert stat.S_IMODE((tmp_path / "open").stat().st_mode) == 0o644
    assert stat.S_IMODE((tmp_path / "closed").stat().st_mode) == 0o600


def test_a_write_that_fails_leaves_the_old_file_and_no_half_of_the_new(tmp_path, monkeypatch):
    path = tmp_path / "report.html"
    write_whole(path, b"old")

    def full(handle):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(FileError, match=r"report.html: cannot be written \(No space left"):
        write_whole(path, b"new")
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]


def test_a_place_that_is_no_folder_is_named(tmp_path):
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(FileError, match="cannot be written"):
        write_whole(tmp_path / "file" / "x", b"")


def test_a_file_for_each_wave():
    assert in_wave("base_{wave}.csv", "2026Q3") == "base_2026Q3.csv"
    assert in_wave("base.csv", None) == "base.csv"
    with pytest.raises(StudyError, match="say which wave"):
        in_wave("base_{wave}.csv", None)
