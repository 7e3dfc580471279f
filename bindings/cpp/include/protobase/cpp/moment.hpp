// moment.hpp - a moment of the past: after a commit, or the last commit at or before a time.
//
//     auto then = database.snapshot(protobase::moment::sequence(42)).value();
//
// Threads: immutable.
#ifndef PROTOBASE_CPP_MOMENT_HPP
#define PROTOBASE_CPP_MOMENT_HPP
#include <protobase/cpp/value.hpp>

namespace protobase
{

class moment
{
  public:
    [[nodiscard]] static moment sequence(std::uint64_t number)
    {
        return moment(pbase_moment_of_sequence(number));
    }
    [[nodiscard]] static moment time(timestamp when)
    {
        return moment(pbase_moment_of_time(when.time_since_epoch().count()));
    }
    // "42" is a sequence, anything else a time as RFC 3339 writes it. INVALID: neither.
    [[nodiscard]] static result<moment> parse(detail::name text)
    {
        pbase_moment out{};
        auto done =
            detail::checked([&](pbase_error *err) { return pbase_moment_parse(text, &out, err); });
        if (!done) {
            return done.failure();
        }
        return moment(out);
    }
    [[nodiscard]] const pbase_moment *raw() const
    {
        return &raw_;
    }

  private:
    explicit moment(const pbase_moment &raw) : raw_(raw)
    {
    }
    pbase_moment raw_;
};

} // namespace protobase
#endif
