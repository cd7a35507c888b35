"""What the scripts hand from pip's configuration to uv."""

from scripts.index_settings import pip_settings, uv_settings

LISTING = r"""
:env:.find-links='/wheels /more'
:env:.disable-pip-version-check='1'
freeze.timeout='10'
global.index-url='https://global.example/simple'
global.extra-index-url='https://one.example/simple\nhttps://two.example/simple'
global.trusted-host='one.example two.example'
install.index-url='https://install.example/simple'
global.cert='/etc/ca.pem'
"""


def test_the_environment_beats_the_install_section_which_beats_the_global_one():
    listing = "global.timeout='1'\ninstall.timeout='2'\nglobal.proxy='p'\n:env:.timeout='3'\ninstall.proxy='q'"
    assert pip_settings(listing) == {"timeout": "3", "proxy": "q"}


def test_the_settings_of_indexes_are_handed_on():
    assert dict(uv_settings(pip_settings(LISTING), {})) == {
        "UV_DEFAULT_INDEX": "https://install.example/simple",
        "UV_INDEX": "https://one.example/simple https://two.example/simple",
        "UV_INDEX_STRATEGY": "unsafe-best-match",
        "UV_FIND_LINKS": "/wheels,/more",
        "UV_INSECURE_HOST": "one.example two.example",
        "SSL_CERT_FILE": "/etc/ca.pem",
        "NODE_EXTRA_CA_CERTS": "/etc/ca.pem",
    }


def test_what_uv_is_told_already_stays():
    environ = {"UV_DEFAULT_INDEX": "https://mine.example/simple", "UV_INDEX_STRATEGY": "first-index", "SSL_CERT_FILE": "/my.pem"}
    handed = dict(uv_settings(pip_settings(LISTING), environ))
    assert handed.keys() == {"UV_INDEX", "UV_FIND_LINKS", "UV_INSECURE_HOST", "NODE_EXTRA_CA_CERTS"}


def test_without_pip_settings_nothing_is_handed_on():
    assert dict(uv_settings(pip_settings(""), {})) == {}
