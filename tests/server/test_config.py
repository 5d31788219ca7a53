"""Settings: where they come from, which wins, and how a wrong one is told."""

import pytest
from askwell_server.config import SETTINGS, ConfigError, ServerConfig, read_config


def test_flags_win_over_environment_over_file_over_defaults(tmp_path):
    file = tmp_path / "askwell.toml"
    file.write_text('model = "from-file"\nport = 1\nqueue_limit = 2\ndevices = [0, 1]\n')
    environ = {"ASKWELL_PORT": "3", "ASKWELL_QUEUE_LIMIT": "4", "ASKWELL_CONFIG": str(file), "PATH": "x"}
    config = read_config(["--port", "5"], environ)
    assert (config.port, config.queue_limit, str(config.model)) == (5, 4, "from-file")
    assert (config.devices, config.host, config.allow_full_range) == ((0, 1), "127.0.0.1", False)


def test_every_field_is_a_setting():
    assert [*(setting.name for setting in SETTINGS), "prefixes"] == list(ServerConfig.__slots__)


def test_every_default_passes_its_own_check():
    for setting in SETTINGS:
        if setting.default is not None and setting.name not in ("model", "devices"):
            assert setting.parse(setting.default) == setting.default


@pytest.mark.parametrize(
    ("argv", "environ", "toml", "message"),
    [
        (["--prot", "1"], {}, "", "unknown setting '--prot' on the command line; did you mean '--port'?"),
        ([], {"ASKWELL_QUEUE_LIMITS": "1"}, "", "unknown setting 'ASKWELL_QUEUE_LIMITS' in the environment; "
         "did you mean 'ASKWELL_QUEUE_LIMIT'?"),
        ([], {}, "max_batch_row = 3", "did you mean 'max_batch_rows'?"),
        (["--port", "70000"], {}, "", "--port: '70000' is not a whole number from 0 to 65535"),
        ([], {"ASKWELL_PORT": "http"}, "", "ASKWELL_PORT: 'http' is not a whole number from 0 to 65535"),
        ([], {}, "drain_s = nan", "drain_s in "),
        ([], {}, "port = 1.5", "1.5 is not a whole number"),
        ([], {}, "port = true", "True is not a whole number"),
        ([], {}, "port = [1", "is not TOML"),
        (["--device", "tpu"], {}, "", "--device: 'tpu' is not one of auto, cpu, cuda"),
        (["--devices", "0,0"], {}, "", "--devices: '0,0' names a device twice"),
        (["--devices", "0,x"], {}, "", "--devices: 'x' is not a whole number"),
        ([], {"ASKWELL_ALLOW_FULL_RANGE": "maybe"}, "", "'maybe' is neither true nor false"),
        (["--port"], {}, "", "expected one argument"),
        (["--model", "~nobody-here/m"], {}, "", "--model: '~nobody-here/m': "),
        (["--policy", "lifo"], {}, "", "--policy: 'lifo' is not one of full, equal-length, fifo"),
        ([], {"ASKWELL_MAX_BATCH_S": "0"}, "", "ASKWELL_MAX_BATCH_S: '0' is not a number from 0.01 to 3600"),
        (["--metrics-port", "50051"], {}, "", "metrics_port must be another port than port, which is 50051"),
        (["--prefix", "x"], {}, "", "unknown setting '--prefix' on the command line"),
        ([], {}, "[certificate]\ntop2 = 1", "did you mean 'certificate_top1'?"),
        ([], {}, "certificate = 1", "write it as a [certificate] table"),
        ([], {}, "[certificate]\nratio = 0.5", "0.5 is not a number from 1 to 1000"),
        ([], {}, "[[prefixes]]", "did you mean 'prefix'?"),
        ([], {}, 'prefix = "x"', "write each as a [[prefix]] table"),
        ([], {}, '[[prefix]]\ntext = "x"', "[[prefix]] number 1 in "),
        ([], {}, '[[prefix]]\nname = "a"', "give it either text or file"),
        ([], {}, '[[prefix]]\nname = "a"\ntext = "x"\nfile = "y"', "give it either text or file"),
        ([], {}, '[[prefix]]\nname = "a"\ntext = ""', "text must be text, and not empty"),
        ([], {}, '[[prefix]]\nname = "a"\ntxt = "x"', "unknown key 'txt'; did you mean 'text'?"),
        ([], {}, '[[prefix]]\nname = "a"\nfile = "none.txt"', "[[prefix]] 'a' in "),
        ([], {}, '[[prefix]]\nname = "a"\nfile = "."', "Is a directory"),
        ([], {}, 2 * '[[prefix]]\nname = "a"\ntext = "x"\n', "the name is taken by an earlier one"),
    ],
)  # fmt: skip
def test_wrong_setting_is_one_line_that_names_it(tmp_path, argv, environ, toml, message):
    file = tmp_path / "askwell.toml"
    file.write_text('model = "m"\n' + toml)
    with pytest.raises(ConfigError) as caught:
        read_config(["--config", str(file), *argv], environ)
    assert message in str(caught.value) and "\n" not in str(caught.value)


def test_certificate_table_is_another_way_to_write_its_settings(tmp_path):
    file = tmp_path / "askwell.toml"
    file.write_text('model = "m"\nrequire_certificate = true\n[certificate]\nratio = 1.02\n')
    config = read_config(["--config", str(file), "--certificate-top1", "0.9"], {})
    assert (config.require_certificate, config.certificate_ratio, config.certificate_top1) == (
        True,
        1.02,
        0.9,
    )


def test_missing_model_and_missing_file_are_told():
    with pytest.raises(ConfigError, match="--model is missing"):
        read_config([], {})
    with pytest.raises(ConfigError, match="no config file at /none"):
        read_config(["--config", "/none"], {})


def test_environment_of_other_askwell_tools_is_left_alone():
    assert read_config(["--model", "m"], {"ASKWELL_SERVER": "host:1"}).port == 50051


def test_prefixes_come_from_the_file_as_they_stand_and_are_read_anew(tmp_path):
    source, preamble = tmp_path / "askwell.toml", tmp_path / "texts" / "few-shot.txt"
    preamble.parent.mkdir()
    preamble.write_bytes("Qué?\r\n\n".encode())
    source.write_text(
        'model = "m"\n[[prefix]]\nname = "few-shot"\nfile = "texts/few-shot.txt"\n'
        '[[prefix]]\nname = "short"\ntext = "Once"\n'
    )
    argv = ["--config", str(source)]
    assert read_config(argv, {}).prefixes == ("Qué?\r\n\n", "Once")
    source.write_text('model = "other"\n')
    assert (str(read_config(argv, {}).model), read_config(argv, {}).prefixes) == ("other", ())
