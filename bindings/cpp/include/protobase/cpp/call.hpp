// call.hpp - how long a call that waits may take: until a deadline, or until somebody says stop.
//
//     protobase::cancel_flag stop;                               // set() it from any thread
//     auto call = protobase::call::within(std::chrono::seconds(5)).cancelled_by(stop);
//     txn.commit(call);                                          // TIMEOUT, CANCELLED
//
// Ownership: a call shares the flag it was given. Threads: a call is immutable; a flag may be set
// from any thread and from a signal handler.
#ifndef PROTOBASE_CPP_CALL_HPP
#define PROTOBASE_CPP_CALL_HPP
#include <protobase/cpp/result.hpp>

#include <chrono>
#include <cstdint>
#include <memory>

namespace protobase
{

class cancel_flag
{
  public:
    cancel_flag() : word_(std::make_shared<std::uint32_t>(0))
    {
    }
    void set() const noexcept
    {
        __atomic_store_n(word_.get(), 1U, __ATOMIC_RELEASE);
    }
    void clear() const noexcept
    {
        __atomic_store_n(word_.get(), 0U, __ATOMIC_RELEASE);
    }

  private:
    friend class call;
    std::shared_ptr<std::uint32_t> word_; // as pbase_call has it
};

class call
{
  public:
    // Waits as long as it takes.
    call() = default;
    // Gives up after so long, counted from now.
    [[nodiscard]] static call within(std::chrono::nanoseconds time)
    {
        return until(std::chrono::steady_clock::now() + time);
    }
    [[nodiscard]] static call until(std::chrono::steady_clock::time_point deadline)
    {
        call out;
        auto since = std::chrono::nanoseconds(deadline.time_since_epoch()).count();
        out.raw_.deadline_ns = since < 0 ? 0 : static_cast<std::uint64_t>(since);
        return out;
    }
    // Does not wait at all.
    [[nodiscard]] static call now()
    {
        call out;
        out.raw_.deadline_ns = 0;
        return out;
    }
    [[nodiscard]] call cancelled_by(const cancel_flag &flag) const
    {
        call out = *this;
        out.flag_ = flag.word_;
        out.raw_.cancelled = out.flag_.get();
        return out;
    }
    [[nodiscard]] const pbase_call *raw() const
    {
        return &raw_;
    }

  private:
    pbase_call raw_ = {PBASE_NO_DEADLINE, nullptr};
    std::shared_ptr<std::uint32_t> flag_;
};

} // namespace protobase
#endif
