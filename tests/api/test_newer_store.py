"""A store that a newer release wrote."""

import sqlite3

from harness.server import run_entrepot


def test_it_is_refused_with_what_to_do_and_left_as_it_is(own_server):
    own_server.stop()
    path = own_server.data_dir / "entrepot.db"
    with sqlite3.connect(path) as database:
        (newest,) = database.execute("SELECT MAX(number) FROM schema_migrations").fetchone()
        database.execute("INSERT INTO schema_migrations (number, name) VALUES (?, 'of-tomorrow')", (newest + 1,))
    database.close()
    outcome = run_entrepot("serve", "--data-dir", own_server.data_dir, "--listen", own_server.host)
    assert outcome.returncode == 3
    assert "newer release" in outcome.stderr and "restore a backup" in outcome.stderr
    assert run_entrepot("gc", "--data-dir", own_server.data_dir).returncode == 3
    with sqlite3.connect(path) as database:
        database.execute("DELETE FROM schema_migrations WHERE name = 'of-tomorrow'")
    database.close()
    own_server.start()
