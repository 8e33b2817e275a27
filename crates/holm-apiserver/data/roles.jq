# Picks from the list of cluster roles and their bindings what an embedded cluster starts with: all but the controllers' own.
[.items[] | select(.metadata.name | startswith("system:controller:") | not)
  | del(.metadata.uid, .metadata.resourceVersion, .metadata.creationTimestamp, .metadata.managedFields[].time)]
| sort_by(.kind, .metadata.name)[]
