#!/bin/sh
# The namespace and the search attributes of the dossiers, by Temporal's CLI (which reads TEMPORAL_ADDRESS and
# TEMPORAL_NAMESPACE itself). Safe to run again; fails if an attribute is there with another type.
set -eu
: "${TEMPORAL_ADDRESS:?}" "${TEMPORAL_NAMESPACE:?}"
PATIENCE=${PATIENCE:-60}

patiently() { # COMMAND...: once a second until it works
    tries=0
    until "$@" >/dev/null 2>&1; do
        tries=$((tries + 1))
        if [ "$tries" -ge "$PATIENCE" ]; then
            "$@" # once more, to show why not
            return
        fi
        sleep 1
    done
}

attribute() { # NAME TYPE
    patiently temporal operator search-attribute create --name "$1" --type "$2"
}

patiently temporal operator cluster health
temporal operator namespace describe --namespace "$TEMPORAL_NAMESPACE" >/dev/null 2>&1 ||
    temporal operator namespace create --namespace "$TEMPORAL_NAMESPACE" --retention "${TEMPORAL_RETENTION:-90d}"

attribute DanbietProcedure Keyword
attribute DanbietStatus Keyword
attribute DanbietAgency KeywordList
attribute DanbietOfficial KeywordList
attribute DanbietDueAt Datetime
attribute DanbietLate Int

echo "namespace $TEMPORAL_NAMESPACE at $TEMPORAL_ADDRESS is ready"
