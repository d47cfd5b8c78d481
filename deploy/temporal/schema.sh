#!/bin/sh
# Temporal's own tables, in the databases that deploy/postgres/init.sh made. Safe to run again: brings an older
# schema up to the version of this image, and leaves a current one alone. The tool reads SQL_* itself.
set -eu
: "${SQL_PLUGIN:?}" "${SQL_HOST:?}" "${SQL_PORT:?}" "${SQL_USER:?}" "${SQL_PASSWORD_FILE:?}"
SCHEMAS=/etc/temporal/schema/postgresql/v12
SQL_PASSWORD=$(cat "$SQL_PASSWORD_FILE")
export SQL_PASSWORD

prepare() { # DATABASE FOLDER
    temporal-sql-tool --db "$1" setup-schema -v 0.0
    temporal-sql-tool --db "$1" update-schema -d "$SCHEMAS/$2/versioned"
}

prepare temporal temporal
prepare temporal_visibility visibility
