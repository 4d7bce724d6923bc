"""The defects that are planted, package by package. Each is one that somebody could make."""

from tests.mutants.mutant import Mutant

CONFIG = (
    Mutant(
        "digest-ignores-setting",
        "the run digest ignores a setting (how many frames are predicted)",
        "pipeline_lib/config/experiment.py",
        'include={"n_cond", "n_pred"})',
        'include={"n_cond"})',
        "tests/config/test_digests.py::test_a_run_is_what_its_settings_seed_data_and_source_make_it",
    ),
    Mutant(
        "digest-ignores-data",
        "the run digest ignores the content of the training data",
        "pipeline_lib/config/digests.py",
        '"data": data_sha256, "source": source}',
        '"source": source}',
        "tests/config/test_digests.py::test_a_run_is_what_its_settings_seed_data_and_source_make_it",
    ),
    Mutant(
        "source-ignores-inner-imports",
        "the digest of the source ignores imports inside functions",
        "pipeline_lib/config/source_graph.py",
        "yield from _imported_names(node, package)",
        "continue",
        "tests/config/test_source_graph.py::test_the_closure_holds_what_is_reached_by_any_kind_of_import",
    ),
    Mutant(
        "overlay-replaces-sections",
        "an overlay replaces whole sections instead of merging into them",
        "pipeline_lib/config/yaml_files.py",
        "merge(below, value) if isinstance(below, Mapping) and isinstance(value, Mapping) else value",
        "value",
        "tests/config/test_yaml_files.py::test_mappings_merge_deeply_and_anything_else_replaces",
    ),
)

DATA = (
    Mutant(
        "window-lost",
        "the last window of every video is left out",
        "pipeline_lib/data/windows.py",
        "per_video = n_frames - length + 1",
        "per_video = n_frames - length",
        "tests/data/test_windows.py::test_windows_go_video_by_video_and_stay_inside",
    ),
    Mutant(
        "windows-do-not-wrap",
        "windows of a chair stop at its last view instead of going around",
        "pipeline_lib/data/windows.py",
        "return frames % n_frames if self.wraps else frames",
        "return np.minimum(frames, n_frames - 1) if self.wraps else frames",
        "tests/data/test_chair_windows.py::test_test_windows_are_the_same_ones",
    ),
    Mutant(
        "swap-drawn-otherwise",
        "contents of the content swap are drawn from another seed",
        "pipeline_lib/data/moving_mnist_swap.py",
        "CONTENT_SEED = 1\n",
        "CONTENT_SEED = 0\n",
        "tests/data/test_moving_mnist_swap.py::test_items_are_those_of_the_published_draws",
    ),
    Mutant(
        "training-reaches-into-test",
        "TaxiBJ's training windows that touch test frames are kept",
        "pipeline_lib/data/taxibj_frames.py",
        "before[before + length <= test[0]]",
        "before[before < test[0]]",
        "tests/data/test_taxibj.py::test_no_training_frame_of_the_default_is_in_the_test_part[8_frames_150_windows]",
    ),
    Mutant(
        "leap-year-off-by-a-day",
        "days of the climatology are counted, so that after February leap years are off by a day",
        "pipeline_lib/data/climatology.py",
        "                looked_at.setdefault((day.month, day.day), []).append(number)",
        "                day = date.fromordinal(date(2001, 1, 1).toordinal() + day.timetuple().tm_yday - 1)\n"
        "                looked_at.setdefault((day.month, day.day), []).append(number)",
        "tests/data/test_climatology.py::test_the_first_of_march_is_one_day_in_all_years_and_leap_days_look_at_"
        "their_neighbours",
    ),
    Mutant(
        "validation-draws-training",
        "validation draws its videos from the random numbers of training",
        "pipeline_lib/data/generated.py",
        'generator(0, "validation")',
        'generator(0, "videos", 0)',
        "tests/data/test_generated.py::test_the_sample_is_none_of_the_videos_that_are_trained_on",
    ),
    Mutant(
        "forecast-frame-missing",
        "a digit may be missing in a frame that is to be forecast",
        "pipeline_lib/data/missing_mnist_draws.py",
        "integers(first, last - settings.n_missing + 1, size=shape)",
        "integers(first, last + 1, size=shape)",
        "tests/data/test_missing_mnist_draws.py::test_digits_are_missing_on_end_in_input_frames_but_the_first_two",
    ),
    Mutant(
        "sum-not-compared",
        "the checksum of a download is not compared, only its size",
        "pipeline_lib/data/download.py",
        "if file.sha256 is None or part.sha256 == file.sha256:",
        "if file.sha256 is None or part.n_bytes == file.n_bytes:",
        "tests/data/test_download_faults.py::test_corrupt_bytes_alone_are_an_error_with_both_sums",
    ),
    Mutant(
        "tar-links-accepted",
        "links in a tar archive are accepted",
        "pipeline_lib/data/tar_members.py",
        "PLAIN = (tarfile.REGTYPE, tarfile.AREGTYPE)",
        "PLAIN = (tarfile.REGTYPE, tarfile.AREGTYPE, tarfile.LNKTYPE, tarfile.SYMTYPE)",
        "tests/data/test_tar_members.py::test_members_that_reach_beyond_the_archive_are_named",
    ),
)

MODELS = (
    Mutant(
        "tau-off-by-one",
        "the frame that is autoencoded is the one before τ",
        "pipeline_lib/models/pde/objective.py",
        "video_BTCHW[:, tau - offset]",
        "video_BTCHW[:, tau - offset - 1]",
        "tests/models/test_pde_objective.py::test_loss_and_gradients_equal_the_plain_loop",
    ),
    Mutant(
        "codes-swapped",
        "S is taken of the video of the motion and T of that of the content",
        "pipeline_lib/models/pde/networks.py",
        "(static_code,) = self.static_codes(content_BTCHW)\n        (dynamic_code,) = self.dynamic_codes(motion_BTCHW)",
        "(static_code,) = self.static_codes(motion_BTCHW)\n        (dynamic_code,) = self.dynamic_codes(content_BTCHW)",
        "tests/models/test_pde_convolutional.py::test_swap_takes_content_and_skips_from_one_video_and_motion_from_"
        "the_other",
    ),
    Mutant(
        "batch-norm-order",
        "the running averages of BatchNorm take the calls in reverse order",
        "pipeline_lib/models/batch_norm.py",
        "(shares_K[:, None] * mean_KC).sum(0)",
        "(shares_K.flip(0)[:, None] * mean_KC).sum(0)",
        "tests/models/test_pde_convolutional.py::test_batch_norm_of_many_calls_equals_one_after_the_other",
    ),
    Mutant(
        "kl-sign",
        "the sampled KL divergence has the wrong sign",
        "pipeline_lib/models/dive/elbo.py",
        "q.log_prob(draw) - p.log_prob(draw)",
        "p.log_prob(draw) - q.log_prob(draw)",
        "tests/models/test_dive_objective.py::test_objective_equals_the_plain_implementation",
    ),
    Mutant(
        "imputed-by-another-frame",
        "an object's state is imputed by the label of the frame before",
        "pipeline_lib/models/dive/imputation.py",
        "trust_NT1.unbind(1)",
        "trust_NT1.roll(1, dims=1).unbind(1)",
        "tests/models/test_dive_objective.py::test_objective_equals_the_plain_implementation",
    ),
    Mutant(
        "mean-of-means",
        "the mean frame is the mean of the means of batches",
        "pipeline_lib/models/baselines.py",
        "total += batch.sum(axis=(0, 1), dtype=np.float64)\n            count += batch.shape[0] * batch.shape[1]",
        "total += batch.mean(axis=(0, 1), dtype=np.float64)\n            count += 1",
        "tests/models/test_baselines.py::test_mean_frame_is_the_exact_mean_however_the_videos_are_cut",
    ),
)

METRICS = (
    Mutant(
        "ssim-padded",
        "SSIM pads frames with black and counts their borders",
        "pipeline_lib/metrics/ssim.py",
        "(video_BTCHW.flatten(0, 2).split(at_once) for",
        "(torch.nn.functional.pad(video_BTCHW.flatten(0, 2), [WINDOW // 2] * 4).split(at_once) for",
        "tests/metrics/test_ssim.py::test_it_is_the_definitions",
    ),
    Mutant(
        "psnr-maximum",
        "PSNR takes 255 for the largest value where it is 1",
        "pipeline_lib/metrics/psnr.py",
        "return -10 * mse_BTC.clamp_min(LEAST_MSE).log10().mean(dim=2)",
        "return -10 * (mse_BTC / 255**2).clamp_min(LEAST_MSE).log10().mean(dim=2)",
        "tests/metrics/test_psnr.py::test_known_values",
    ),
    Mutant(
        "objects-not-matched",
        "components are taken for the true objects in their order, not the nearest ones",
        "pipeline_lib/metrics/matching.py",
        "choices[of_choice.argmin(dim=0)]",
        "choices[torch.zeros_like(of_choice.argmin(dim=0))]",
        "tests/evaluation/test_decomposition.py::test_labels_and_components_are_those_of_the_nearest_objects",
    ),
)

TRAINING = (
    Mutant(
        "tau-never-last",
        "τ never takes its largest value",
        "pipeline_lib/training/schedule.py",
        "integers(draw_range[0], draw_range[1] + 1, size=n_iterations)",
        "integers(draw_range[0], draw_range[1], size=n_iterations)",
        "tests/training/test_schedule.py::test_draws_cover_their_range_evenly_and_differ_by_epoch_and_seed",
    ),
    Mutant(
        "milestone-early",
        "the learning rate falls an epoch early",
        "pipeline_lib/training/schedule.py",
        "sum(epoch >= milestone for",
        "sum(epoch + 1 >= milestone for",
        "tests/training/test_schedule.py::test_learning_rate_is_multi_step_stepped_after_each_epoch",
    ),
    Mutant(
        "accumulation-undivided",
        "gradients of the parts of a batch are added and not divided",
        "pipeline_lib/training/steps.py",
        "for name, weight in self.weights.items()]).sum() * share",
        "for name, weight in self.weights.items()]).sum()",
        "tests/training/test_loop.py::test_accumulation_gives_the_gradient_of_the_whole_batch",
    ),
    Mutant(
        "generator-not-restored",
        "a resumed training draws its noise anew instead of going on",
        "pipeline_lib/training/state.py",
        '    torch.set_rng_state(tensors["generator.cpu"])\n',
        "",
        "tests/training/test_loop.py::test_noise_goes_on_where_a_training_was_killed",
    ),
    Mutant(
        "validation-in-training-mode",
        "a model stays in eval mode after validation",
        "pipeline_lib/training/loop.py",
        "model.train(was_training)",
        "pass",
        "tests/training/test_loop.py::test_steps_are_in_training_mode_and_validation_is_not",
    ),
    Mutant(
        "newest-generation-overwritten",
        "a checkpoint is written over the newest one",
        "pipeline_lib/training/checkpoint.py",
        "sequences.index(min(sequences))",
        "sequences.index(max(sequences))",
        "tests/training/test_checkpoint.py::test_killed_between_tensors_and_json_leaves_the_generation_before",
    ),
    Mutant(
        "outputs-before-checkpoint",
        "a training ends, and its outputs are written, before its last state is saved",
        "pipeline_lib/training/loop.py",
        "if finished or time.monotonic() - self._saved > self.settings.checkpoint_interval:",
        "if time.monotonic() - self._saved > self.settings.checkpoint_interval:",
        "tests/training/test_loop.py::test_the_last_state_is_saved_before_a_training_ends",
    ),
    Mutant(
        "checkpoint-before-journal",
        "a checkpoint is saved before the journal that it counts on is on the disk",
        "pipeline_lib/training/loop.py",
        "        self.journal.sync()\n",
        "",
        "tests/training/test_loop.py::test_the_journal_is_on_the_disk_before_the_checkpoint_that_counts_on_it",
    ),
    Mutant(
        "poison-saved",
        "weights are saved without a look whether they are finite",
        "pipeline_lib/training/loop.py",
        "if names := non_finite(checkpoint):",
        "if names := []:",
        "tests/training/test_loop.py::test_a_poisoned_weight_is_not_saved_even_where_the_loss_was_finite",
    ),
)

EVALUATION = (
    Mutant(
        "mean-over-batches",
        "the curve over the horizon is the mean of the means of batches",
        "pipeline_lib/evaluation/running_scores.py",
        "self._horizon_sum += np.where(counted_BT[of_set], by_frame, 0).sum(axis=0)\n"
        "        self._n_counted += counted_BT[of_set].sum(axis=0)",
        "self._horizon_sum += np.where(counted_BT[of_set], by_frame, 0).mean(axis=0)\n        self._n_counted += 1",
        "tests/evaluation/test_forecast.py::test_scores_are_those_of_a_plain_loop",
    ),
    Mutant(
        "assignment-not-chosen",
        "a content swap is scored against its first assignment, not the best",
        "pipeline_lib/evaluation/running_scores.py",
        'np.argmin if metric.direction == "lower" else np.argmax',
        "lambda scores_AB, axis: np.zeros(scores_AB.shape[1], np.int64)",
        "tests/evaluation/test_swap.py::test_scores_are_those_of_a_plain_loop",
    ),
    Mutant(
        "evaluated-in-training-mode",
        "a model is evaluated with the BatchNorm of training",
        "pipeline_lib/evaluation/scoring.py",
        "    model.eval()\n",
        "",
        "tests/evaluation/test_forecast.py::test_the_model_is_in_eval_mode_without_gradients",
    ),
    Mutant(
        "wrong-frames-count",
        "of imputations those frames count in which the next one lacks something",
        "pipeline_lib/evaluation/decomposition.py",
        'counted_BT = context["missing"][:, : self._n_cond].any(dim=2)',
        'counted_BT = context["missing"][:, 1 : self._n_cond + 1].any(dim=2)',
        "tests/evaluation/test_decomposition.py::test_frames_are_scored_as_plain_loops_do",
    ),
)

RECORDS = (
    Mutant(
        "journal-not-flushed",
        "lines of the journal stay in the process's memory",
        "pipeline_lib/records/journal.py",
        'open(self.path, "ab", buffering=0)',
        'open(self.path, "ab")',
        "tests/records/test_journal.py::test_a_line_is_in_the_file_as_soon_as_it_is_journalled",
    ),
    Mutant(
        "journal-repeats-steps",
        "a resumed training journals steps again that are journalled",
        "pipeline_lib/records/journal.py",
        "if step > self._last_step.get(key, -1)}",
        "if step >= 0}",
        "tests/records/test_journal.py::test_a_step_is_journalled_once",
    ),
)

RUNTIME = (
    Mutant(
        "file-not-synchronised",
        "a file takes its name before its content is on the disk",
        "pipeline_lib/runtime/atomic.py",
        '    """Give a file that is whole its final name, in the same folder or at least on the same disk."""\n'
        "    _sync(temporary)\n",
        '    """Give a file that is whole its final name, in the same folder or at least on the same disk."""\n',
        "tests/runtime/test_atomic.py::test_content_is_on_disk_before_the_name_is",
    ),
    Mutant(
        "folder-not-synchronised",
        "a folder takes its name before its content is on the disk",
        "pipeline_lib/runtime/atomic.py",
        "            _sync(below)\n",
        "            pass\n",
        "tests/runtime/test_atomic.py::test_content_of_a_folder_is_on_disk_before_its_name_is",
    ),
    Mutant(
        "lock-shared",
        "a lock is taken that others may take too",
        "pipeline_lib/runtime/locks.py",
        "fcntl.LOCK_EX | fcntl.LOCK_NB",
        "fcntl.LOCK_SH | fcntl.LOCK_NB",
        "tests/runtime/test_locks.py::test_a_lock_that_is_held_names_its_holder",
    ),
    Mutant(
        "seed-ignored",
        "random numbers do not depend on the seed",
        "pipeline_lib/runtime/seeding.py",
        "np.random.SeedSequence([seed, STREAMS[stream], *position])",
        "np.random.SeedSequence([0, STREAMS[stream], *position])",
        "tests/runtime/test_seeding_and_precision.py::test_every_stream_seed_and_position_has_its_own_numbers",
    ),
)

CLI = (
    Mutant(
        "weights-of-one-seed",
        "weights are drawn from seed 0 whatever the seed of the run",
        "pipeline_lib/cli/train_process.py",
        'seed_torch(self.request.seed, "weights")',
        'seed_torch(0, "weights")',
        "tests/cli/test_train_process.py::test_weights_and_order_are_those_of_the_seed",
    ),
    Mutant(
        "summary-first",
        "the file that says that a run is finished is written before its weights",
        "pipeline_lib/cli/training_request.py",
        "    for name in COPIED:\n"
        "        copy_file(request.kept / name, request.out / name)\n"
        "    training = read_training(request.kept / SUMMARY)\n"
        "    write_training(request.out / SUMMARY, training | request.labels)\n",
        "    training = read_training(request.kept / SUMMARY)\n"
        "    write_training(request.out / SUMMARY, training | request.labels)\n"
        "    for name in COPIED:\n"
        "        copy_file(request.kept / name, request.out / name)\n",
        "tests/cli/test_train_process.py::test_what_says_that_a_run_is_finished_is_published_last",
    ),
)

TRACKING = (
    Mutant(
        "points-stamped-anew",
        "points are stored with the time at which they are shipped",
        "pipeline_lib/tracking/points.py",
        'Point(k, entry.content["step"], entry.time_ms, v)',
        'Point(k, entry.content["step"], __import__("time").time_ns() // 1_000_000, v)',
        "tests/tracking/test_ship.py::test_every_point_is_stored_once_with_the_time_of_the_journal",
    ),
    Mutant(
        "lost-points-unnoticed",
        "points that the store lacks are not counted",
        "pipeline_lib/tracking/points.py",
        "sorted(wanted - found, key",
        "sorted(wanted - wanted, key",
        "tests/tracking/test_points.py::test_a_difference_is_told_with_key_and_counts",
    ),
)

REPORTING = (
    Mutant(
        "spread-of-population",
        "the spread over seeds is divided by n instead of n - 1",
        "pipeline_lib/reporting/results.py",
        "/ (len(self.values) - 1))",
        "/ len(self.values))",
        "tests/reporting/test_tables.py::test_a_row_is_the_mean_and_the_standard_deviation_over_seeds",
    ),
    Mutant(
        "worst-is-bold",
        "the best number of a column is the largest, also of errors",
        "pipeline_lib/reporting/readable.py",
        'min(defined) if METRICS[metric].direction == "lower" else max(defined)',
        "max(defined)",
        "tests/reporting/test_tables.py::test_the_best_mean_of_a_column_is_bold_and_rows_keep_their_order",
    ),
)

WORKFLOW = (
    Mutant(
        "training-gets-test-file",
        "the test file is given to training",
        "workflow/rules/train.smk",
        'rule train:\n    input:\n        data=PATHS.train_file("{dataset}"),',
        'rule train:\n    input:\n        data=PATHS.test_file("{dataset}"),',
        "tests/workflow/test_plan.py::test_training_never_sees_the_test_part",
    ),
    Mutant(
        "mean-frame-of-test-file",
        "baselines such as the mean frame are fitted on the test file",
        "workflow/rules/train.smk",
        'rule fit:\n    input:\n        data=PATHS.train_file("{dataset}"),',
        'rule fit:\n    input:\n        data=PATHS.test_file("{dataset}"),',
        "tests/workflow/test_plan.py::test_training_never_sees_the_test_part",
    ),
    Mutant(
        "pipeline-takes-no-lock",
        "a pipeline does not take the lock on its results folder",
        "workflow/rules/common.smk",
        "RESULTS_LOCK.acquire()",
        "pass",
        "tests/workflow/test_start.py::test_two_pipelines_do_not_share_a_results_folder",
    ),
)

MUTANTS = (
    *CONFIG,
    *DATA,
    *MODELS,
    *METRICS,
    *TRAINING,
    *EVALUATION,
    *RECORDS,
    *RUNTIME,
    *CLI,
    *TRACKING,
    *REPORTING,
    *WORKFLOW,
)
