"""Users and their hashed passwords."""

import pytest

import engine
from ui.dashboard.login import PasswordFile, lets_in_strangers, login_provider, password_hash


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "users"
    path.write_text(f"# who may\nme:{password_hash('correct horse')}\nyou:{password_hash('battery staple')}\n")
    return path


def test_a_password_is_its_users_alone(file):
    users = PasswordFile(str(file))
    assert users.knows("me", "correct horse")
    assert users.knows("you", "battery staple")
    for user, password in [
        ("me", "battery staple"),
        ("me", ""),
        ("nobody", "correct horse"),
        ("", ""),
        ("me", "correct horse" + "x" * 1_000),
        ("# who may", "correct horse"),
    ]:
        assert not users.knows(user, password)


def test_a_user_who_is_taken_out_of_the_file_is_out(file):
    users = PasswordFile(str(file))
    file.write_text(f"you:{password_hash('battery staple')}\n")
    assert not users.knows("me", "correct horse")
    assert users.knows("you", "battery staple")


def test_the_same_password_has_another_hash_each_time():
    assert password_hash("correct horse") != password_hash("correct horse")
    assert "correct" not in password_hash("correct horse")


@pytest.mark.parametrize("password", ["", "short", "x" * 201])
def test_a_password_has_8_to_200_characters(password):
    with pytest.raises(engine.InputError, match=str(len(password))):
        password_hash(password)


@pytest.mark.parametrize(
    "line", ["me", "me:plain text", ":scrypt$AA==$AA==", "me:scrypt$AA==", "me:scrypt$!$AA==", "me:md5$AA==$AA=="]
)
def test_a_line_that_is_not_right_is_told_by_its_number(tmp_path, line):
    (tmp_path / "users").write_text(f"\n{line}\n")
    with pytest.raises(engine.ConfigError, match="line 2"):
        PasswordFile(str(tmp_path / "users"))


def test_a_name_that_stands_twice_is_told(file):
    file.write_text(file.read_text() + f"me:{password_hash('something else')}\n")
    with pytest.raises(engine.ConfigError, match="line 4"):
        PasswordFile(str(file))


def test_a_file_that_is_not_there_says_how_to_make_one(tmp_path):
    with pytest.raises(engine.ConfigError) as caught:
        PasswordFile(str(tmp_path / "users"))
    assert "--hash-password" in caught.value.next_step


@pytest.mark.parametrize(
    ("options", "users", "said"),
    [
        ({"provider": "nobody"}, False, "nobody"),
        ({"password": "x"}, False, "password"),
        ({"provider": "github", "key": "k", "secret": "s"}, True, "both"),
        ({"provider": "github", "key": "k", "secret": {"env": "NOT_SET_HERE"}}, False, "NOT_SET_HERE"),
    ],
)
def test_options_of_the_login_are_checked(file, options, users, said):
    dashboard = {"users_file": str(file)} if users else {}
    with pytest.raises(engine.ConfigError, match=said):
        login_provider(engine.Settings(login_options=options, dashboard=dashboard), "/")


@pytest.mark.parametrize(
    ("options", "users", "expected"),
    [
        ({}, "", False),
        ({"provider": "github"}, "", True),
        ({"provider": "github"}, "me", False),
        ({"provider": "gitlab"}, "", True),
        ({"provider": "gitlab", "extra_params": {"url": "git.example.org"}}, "", False),
        ({"provider": "generic"}, "", False),
    ],
)
def test_a_provider_that_knows_everybody_is_told_from_one_of_ones_own(options, users, expected):
    settings = engine.Settings(login_options=options, dashboard={"users": users})
    assert lets_in_strangers(settings) is expected


@pytest.mark.parametrize("provider", ["pam", "password"])
def test_a_provider_without_a_page_of_its_own_is_refused(provider):
    with pytest.raises(engine.ConfigError, match=provider):
        login_provider(engine.Settings(login_options={"provider": provider, "key": "k", "secret": "s"}), "/")
