// recover.hpp - saves what is left of a damaged space into a new one.
//
// Ownership: plain values. Threads: one call. Errors: those of recovering at all; what is lost is no
// error but in the report.
#ifndef PROTOBASE_CPP_RECOVER_HPP
#define PROTOBASE_CPP_RECOVER_HPP
#include <protobase/cpp/call.hpp>
#include <protobase/cpp/config.hpp>
#include <protobase/cpp/finding.hpp>
#include <protobase/recover.h>

namespace protobase
{

struct recover_options {
    bool without_stale = false;   // leave out what only older checkpoints have
    bool without_orphans = false; // no database "lost+found"
    bool stop_at_gap = false;     // no commit behind a missing one
};
struct recover_report {
    pbase_recover_report figures{}; // saved, lost, doubtful
    std::vector<finding> findings;  // none: nothing is lost
};
// `from` is only read; `to` must be new.
[[nodiscard]] inline result<recover_report> recover(const config &from, const config &to,
                                                    const recover_options &options = {},
                                                    const call &wait = {})
{
    recover_report out;
    detail::config_source source(from);
    detail::config_source target(to);
    detail::finding_list found(out.findings);
    pbase_recover_options raw{};
    raw.each = detail::finding_list::take;
    raw.state = &found;
    raw.without_stale = options.without_stale;
    raw.without_orphans = options.without_orphans;
    raw.stop_at_gap = options.stop_at_gap;
    auto done = found.end(detail::checked([&](pbase_error *err) {
        return pbase_space_recover(source.raw(), target.raw(), &raw, wait.raw(), &out.figures, err);
    }));
    if (!done) {
        return done.failure();
    }
    return out;
}

} // namespace protobase
#endif
