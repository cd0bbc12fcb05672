"""Faults to be planted: each is a change of one place of the source that takes away what a promise
rests on. The text before must be there exactly once, so that a fault is noticed when the code has moved on."""

# name: (what it takes away, file, before, after)
FAULTS = {
    'sync_left_out': (
        'the sync of the archive', 'core/store/archive/archive_append.c',
        'if (fdatasync(sync->descriptor) == 0)\n        return 0;\n    sync->failed = true;',
        'if (sync->descriptor >= 0)\n        return 0;\n    sync->failed = true;'),
    'closed_without_sync': (
        'the sync of a segment before the mark that vouches for it', 'core/store/archive/archive_append.c',
        'int r = sync_segment(archive, ret_error);\n    if (r == 0)\n        r = write_mark(',
        'int r = 0;\n    if (r == 0)\n        r = write_mark('),
    'name_not_synced': (
        'the sync of a new segment\'s name', 'core/store/archive/archive_append.c',
        '    if (r == 0)\n        r = sync_names(archive, folder, ret_error);\n',
        '    if (0)\n        r = sync_names(archive, folder, ret_error);\n'),
    'mark_of_what_is_written': (
        'a mark vouches for what was written when the sync began, not for what is now',
        'core/store/archive/archive_append.c',
        '{.position = sync->position, .chain = sync->chain};\n    int r = write_mark',
        '{.position = archive->written.place.position,\n'
        '                                        .chain = archive->written.place.chain};\n    int r = write_mark'),
    'not_written_again': (
        'after a failed sync the end of the archive is written again', 'core/store/archive/archive_open.c',
        'r = write_again(archive, &finding, ret_error);', 'r = finding.end.position < UINT64_MAX ? 0 : write_again(archive, &finding, ret_error);'),
    'names_not_synced_again': (
        'the names of the last segment are synced at the opening', 'core/store/archive/archive_open.c',
        '    if (r == 0)\n        r = sync_names(archive, ret_error);\n',
        '    if (0)\n        r = sync_names(archive, ret_error);\n'),
    'tail_takes_a_record': (
        'the repair of a torn end keeps whole records', 'core/store/archive/archive_open.c',
        '    if (finding->file->is_sealed || size <= offset)\n        return 0;\n',
        '    if (finding->file->is_sealed || size <= offset)\n        return 0;\n'
        '    if (finding->tail == TAIL_TORN && finding->walk.last_offset)\n'
        '        offset = finding->walk.offset = finding->walk.last_offset;\n'),
    'torn_end_stays': (
        'a torn end is cut off', 'core/store/archive/archive_open.c',
        'if (finding->file->is_sealed || size <= offset)', 'if (finding->file->is_sealed || size > offset)'),
    'dedupe_off': (
        'a repeated id gets its first decision', 'server/service/score.c',
        '    if (r == 0)\n        return NEXT;\n    if (r < 0)\n        return refuse(scoring, &error, field);\n'
        '    struct decision',
        '    if (r >= 0)\n        return NEXT;\n    if (r < 0)\n        return refuse(scoring, &error, field);\n'
        '    struct decision'),
    'repeat_does_not_wait': (
        'the answer to a repeat waits for the first one\'s record', 'server/service/score.c',
        'if (known.position > run->position_needed)', 'if (known.position > UINT64_MAX - 1)'),
    'refused_is_answered': (
        'what could not be written is taken back', 'server/service/score.c',
        'if (code == ERROR_ID_CONFLICT ||\n            (code == 0 &&',
        'if (code == ERROR_ID_CONFLICT ||\n            (code != 0 &&'),
    'answered_before_synced': (
        'answers wait for the disk', 'server/base/commit.c',
        'bool waits = run->position_needed > safe;\n        if (waits && !lost)',
        'bool waits = run->position_needed > safe + 1;\n        if (waits && !lost)'),
    'swap_loses_a_record': (
        'the switch applies the last records', 'server/adopt/swap_run.c',
        'int r = advance(swap, end, NULL, &error);\n    bool is_exchanged',
        'if (records_behind(swap, end) > 0)\n        end.position--;\n'
        '    int r = advance(swap, end, NULL, &error);\n    bool is_exchanged'),
    'reload_not_recorded': (
        'a policy is recorded before it decides', 'server/adopt/reload.c',
        'if (adoption_record_policy(service, &last, &error) == 0)', 'if (last.snapshot_id == 0)'),
    'tables_not_synced': (
        'tables are on disk before they are published', 'core/store/generation/generation_writer.c',
        'if (file < 0 || fsync(file) < 0)', 'if (file < 0)'),
    'manifest_not_synced': (
        'a manifest is on disk before the folder gets its name', 'core/store/archive/file.c',
        'else if (fsync(descriptor) < 0)\n        r = error_set_errno(ret_error, errno, "%s: cannot sync", name);',
        'else if (descriptor < 0)\n        r = error_set_errno(ret_error, errno, "%s: cannot sync", name);'),
    'sealed_name_not_synced': (
        'a sealed file has its name on disk before the plain one goes', 'core/store/archive/archive_seal.c',
        'int r = sync_day(work, ret_error);\n    if (r == 0 && unlinkat',
        'int r = work->sealing->report.sealed > SIZE_MAX - 1 ? sync_day(work, ret_error) : 0;\n    if (r == 0 && unlinkat'),
    'outcome_forgets_previous': (
        'a label takes back the one before it', 'core/store/ingest/ingest.c',
        '.previous = known.label,', '.previous = LABEL_NONE,'),
    'fold_loses_the_last': (
        'the last record before the switch is applied', 'core/store/ingest/fold.c',
        '        apply(fold, bulk_apply, &record);\n        position = record.position;',
        '        if (bulk_apply || record.position < end.position)\n'
        '            apply(fold, bulk_apply, &record);\n        position = record.position;'),
    'rewritten_not_in_place': (
        'rewritten segments take the place of those that have the values', 'core/store/archive/archive_epoch.c',
        'for (size_t i = 0; i < epoch.count && r == 0; i++)\n            r = put_in_place',
        'for (size_t i = 0; i + 1 < epoch.count && r == 0; i++)\n            r = put_in_place'),
    'fold_stops_early': (
        'a start folds all records', 'server/adopt/background.c',
        'struct archive_place end = archive_end(service->archive);\n    pthread_mutex_unlock(&service->lock);\n'
        '    int64_t began_us',
        'struct archive_place end = archive_end(service->archive);\n    pthread_mutex_unlock(&service->lock);\n'
        '    end.position -= end.position > 0;\n    int64_t began_us'),
    'window_edge': (
        'a window ends exactly where it says', 'core/feature/plan/partition.h',
        '(uint64_t)newest_us - (uint64_t)last_us >= distance_us;', '(uint64_t)newest_us - (uint64_t)last_us > distance_us;'),
}
