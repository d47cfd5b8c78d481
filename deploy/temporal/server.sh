#!/bin/sh
# The image's own start, with the password from a file: it knows only a variable, and none may stand in the
# compose file.
set -eu
: "${POSTGRES_PWD_FILE:?}"
POSTGRES_PWD=$(cat "$POSTGRES_PWD_FILE")
export POSTGRES_PWD
exec /etc/temporal/entrypoint.sh
