#!/bin/sh
# Random passwords for docker compose, one a file, where there is none yet. To change one that is in use, change
# it in the service as well. The containers' users differ from yours, so the files are readable by all and the
# folder is yours alone.
set -eu
cd "$(dirname "$0")"
mkdir -p secrets
chmod 0700 secrets
for name in postgres-superuser postgres-danbiet postgres-temporal grafana-admin; do
    file="secrets/$name.txt"
    if [ -s "$file" ]; then
        echo "kept deploy/$file"
        continue
    fi
    head -c 24 /dev/urandom | od -An -v -tx1 | tr -d ' \n' >"$file.new"
    chmod 0644 "$file.new"
    mv "$file.new" "$file"
    echo "made deploy/$file"
done
