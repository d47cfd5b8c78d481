#!/bin/sh
# Run once by the PostgreSQL image, on an empty data volume: a role and its databases for each of the two programs,
# closed to the other. Passwords are read by psql itself, so that none stands in a process list or a log.
set -eu
SECRETS=${SECRETS:-/run/secrets}
export SECRETS

psql --no-psqlrc --quiet --set ON_ERROR_STOP=1 --username "${POSTGRES_USER:-postgres}" --dbname postgres <<'SQL'
\set danbiet_password `cat "$SECRETS/postgres-danbiet"`
\set temporal_password `cat "$SECRETS/postgres-temporal"`

CREATE ROLE danbiet LOGIN PASSWORD :'danbiet_password';
CREATE ROLE temporal LOGIN PASSWORD :'temporal_password';
CREATE DATABASE danbiet OWNER danbiet;
CREATE DATABASE temporal OWNER temporal;
CREATE DATABASE temporal_visibility OWNER temporal;
REVOKE CONNECT, TEMPORARY ON DATABASE danbiet, temporal, temporal_visibility FROM PUBLIC;
SQL
