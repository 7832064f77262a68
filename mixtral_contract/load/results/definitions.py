"""What each figure of summary.json means; reports print these texts, so that no number travels without them."""

from __future__ import annotations

from collections.abc import Mapping

from mixtral_contract.load.units.metrics import METRICS

DEFINITIONS: Mapping[str, str] = {
    "window": "The measured part of the run: from the end of the warm-up to the moment from which no request is sent "
    "any more. Requests sent in it are followed to their end.",
    **{metric.key: metric.definition for metric in METRICS if metric.definition is not None},
    "offered_per_s": "Requests that were due in the window, sent or dropped, divided by its length. Open loop only.",
    "dropped": "Requests that were due in the window and not sent, because --max-in-flight of them were on their way, "
    "or because the instrument was so far behind its schedule that the run ended first.",
    "held_back": "Requests that were due in the window and not sent, because the target had answered 429 and asked to "
    "wait, or because the budget had no room: the load was less than what was asked for.",
    "rate_limit": "When the target first answered 429 (second of the run), and how many requests per second had begun "
    "in the up to 10 s before.",
    "cost": "estimate: what was known before the run. All else is what the ok requests of the run cost, warm-up "
    "included: by_usage from their usage and the price, credits_fell_by from the x-remaining-credits of the first and "
    "of the last answer, the first one's own cost not included. null is what nobody knows.",
    "stages": "Each load that the run went through, with figures of its own window. All other figures are those of the "
    "last stage; what came before it counts as its warm-up. has_outage: nothing was "
    "answered in it, or not for long (see silence); is_whole: its window was not cut; stages_asked: how many a "
    "sweep has.",
    "search": "The search for the highest rate that keeps the objectives: rate_per_s passed twice, the second time on "
    "new evidence; interval_per_s are it and the lowest rate that failed. A probe passed when the 99 % interval of "
    "each objective's share (Wilson) lies above what is wanted and the requests under way did not surely grow; it "
    "failed when one lies below, they grew, requests could not be sent, or the target answered 429.",
    "instrument": "What each process of the instrument used of a core in the window, and how many events with content "
    "each read per second. calibration: by how much it was off against a server that knew what it sent when (python -m "
    "load calibrate), at the next higher rate that it held; ± is the median of that.",
    "in_flight": "Requests under way at the end of each second: the mean in the first and in the last third of the "
    "window, and at its beginning and end. grows: from the time at which the load's first requests had ended (p95 of "
    "e2e_ms), warm-up included, they surely became more, and in the window by 5 and by 5 % of what was offered.",
    "validity": "VALID: nothing speaks against the figures. SUSPECT: they may be those of the instrument, of too few "
    "requests or of a load that was not kept up. INVALID: there was no such measurement.",
    "slo": "Each term's share of requests that kept the limit, of those that belong to the window, dropped, failed and "
    "unfinished ones counted as not kept; met when the whole Wilson interval (99 %) lies at or above the percentile, "
    "missed when below, else undecided. goodput_per_s: requests that kept every limit, of those that any limit judged, "
    "per second of the window; null when none was judged.",
    "users": "The instrument's users that ran in the window, once all were there, at the latest after its first 1.5 s: "
    "their mean over time, the least and the most. changed: their number changed after all had been there, or was on "
    "average less than 98 % of the most. shape: the LoadTestShape that changed it; others: classes of users that are "
    "not the instrument's.",
    "terminated": "Whether a signal (SIGTERM, SIGHUP) ended the run before its time.",
    "requests_written": "Whether requests.jsonl has every request; false where it could not be written to its end.",
    "gave_up": "Whether the run ended before its time because nothing answered (--give-up).",
    "silence": "The longest stretch of the window, in whole seconds, in which no answer ended ok, and none that did "
    "went on, while requests were waiting; lasts: no answer came after it. null where every such second had an answer.",
    "time_in_vain_share": "Of the time for which users waited in the window, the share spent on requests that failed: "
    "until they failed, and until the user asked again. Closed loop only; think time is not waited.",
    "outcomes": "How the requests sent in the window ended; warmup_outcomes: those sent before it.",
    "contract": "Answers with status 200, of requests sent in the window, that broke a clause of the contract, by its "
    "id in spec/clauses.yaml: those that are cheap to judge on what was parsed anyway.",
    "bundling": "Of the ok streams of the window with 8 events with content or more: how many came whole (after 100 ms "
    "without content, then less than 0.2 ms an event) or in_pieces (more than 2 events a read, reads 10 ms apart or "
    "more on average), how large the pieces were, and how far apart. is_much: a fifth of the streams, or more.",
    "sent_again": "Of the requests sent in the window, those that left a second time, on a new connection, because the "
    "server closed the kept one without a byte of an answer; their times count from the second sending.",
    "tokens_are": "usage: the server's completion_tokens; estimate: events with content, counted; text: Mixtral's "
    "tokenizer over what came; mixed: some of each.",
    "lengths": "Of the ok requests sent in the window. usage: refuted beyond twice or below half of Mixtral's count of "
    "the text (8 times and an eighth where more than 20 % of it is not ASCII: other models have other tokenizers), and "
    "where that count and the events agree and usage with neither; two counts agree within 20 % or 4 tokens. Then the "
    "events are used where they agree with that count, else the count. reasoning: not refuted less the "
    "reasoning_tokens that usage names. answers: far shorter than asked is below half of max_tokens, far longer beyond "
    "1.5 times, by more than 4 tokens. prompts: refuted below half of what was sent, or beyond twice and 128 tokens "
    "more. sample: the answers whose text was counted: the first 64 of a process, one in 16 of the others, and all "
    "that events and bytes do not settle.",
    "percentiles": "Nearest rank, at most 0.1 % off (a mergeable sketch); mean, min and max are exact. null where the "
    "samples are too few for 99 % confidence, and too_few says how many it needs: p50 11, p90 64, p95 130, p99 662, "
    "p99.9 6636. intervals: between which values it lies, at 99 % confidence, by order statistics.",
    "censored": "Requests of the window that timed out, or were still running when the run was cut off: known to have "
    "taken at least so long, and counted in the percentiles with that bound. at_least names the percentiles that may "
    "be higher; the mean, min and max are without them.",
    "distributions": "The sketches behind the percentiles. With e = relative_error and g = (1 + e) / (1 - e), keys[i] "
    "= k stands for counts[i] values above g^(k-1) and not above g^k; zeros are counted apart. Sketches add up.",
    "ttft_by_prompt_tokens": "A fair sample of the ok requests of the window: [prompt tokens by usage, ttft in ms]; "
    "of: how many it was drawn from.",
    "timeline": "Bins of bin_s seconds from the run's start, warm-up and end included: tokens by arrival, requests by "
    "their end, latencies by when the request was sent.",
    "arrivals": "closed: each user sends its next request when the last one has ended, so a slow server is asked less. "
    "All others are an open loop: requests leave on a schedule, and belong to the window in which they were due.",
}
