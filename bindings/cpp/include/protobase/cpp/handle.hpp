// handle.hpp - how the layer owns what the C library gave: nothing for applications to call.
//
// Each object of the C library is owned by one node. What came from it holds a share of that node, so
// it ends after them, whatever the order in which the C++ objects go. Transactions are ended by hand
// (commit, abort) before what came from them: their nodes list those below, end them first and leave
// NULL in them, which every call refuses (INVALID).
// Threads: nodes below a transaction are confined to its thread; the others only count.
#ifndef PROTOBASE_CPP_HANDLE_HPP
#define PROTOBASE_CPP_HANDLE_HPP
#include <protobase/cpp/result.hpp>

#include <cstddef>
#include <iterator>
#include <memory>

namespace protobase
{
namespace detail
{

// A text that ends with a NUL, as the C library wants names: of a literal or a std::string.
class name
{
  public:
    name(const char *text) : text_(text)
    {
    }
    name(const std::string &text) : text_(text.c_str())
    {
    }
    operator const char *() const
    {
        return text_;
    }

  private:
    const char *text_;
};

// Calls the C library: `call` gets a pbase_error * and returns its status.
template <class Call> result<void> checked(Call &&call)
{
    error cause;
    pbase_status status = call(cause.raw());
    if (status == PBASE_OK) {
        return {};
    }
    cause.adopt(status);
    return cause;
}

// An object of the C library. What came from it keeps it alive, so it ends after them; a transaction
// that ends by itself ends what came from it first, which is then refused (INVALID).
class node
{
  public:
    // `links`: it may be ended before what comes from it, which then is kept in a list. Only objects of
    // one thread do: transactions and what is below them.
    node(std::shared_ptr<node> parent, bool links)
        : parent_(std::move(parent)), links_(links || (parent_ && parent_->links_))
    {
        if (parent_ && parent_->links_) {
            next_ = parent_->first_;
            if (next_ != nullptr) {
                next_->previous_ = this;
            }
            parent_->first_ = this;
        }
    }
    virtual ~node() = default;
    node(const node &) = delete;
    node &operator=(const node &) = delete;
    // Ends what came from it, then itself.
    void end()
    {
        end_below();
        leave();
        finish();
    }
    void end_below()
    {
        while (first_ != nullptr) {
            first_->end();
        }
    }
    [[nodiscard]] const std::shared_ptr<node> &parent() const
    {
        return parent_;
    }
    [[nodiscard]] node *first() const
    {
        return first_;
    }
    [[nodiscard]] node *next() const
    {
        return next_;
    }
    [[nodiscard]] virtual bool is_txn() const
    {
        return false;
    }
    [[nodiscard]] virtual bool is_alive() const = 0; // has not been ended

  protected:
    virtual void finish() = 0;
    void leave()
    { // the list of the parent
        if (parent_ == nullptr || !parent_->links_) {
            return;
        }
        if (parent_->first_ == this) {
            parent_->first_ = next_;
        } else if (previous_ != nullptr) {
            previous_->next_ = next_;
        }
        if (next_ != nullptr) {
            next_->previous_ = previous_;
        }
        next_ = previous_ = nullptr;
    }

  private:
    std::shared_ptr<node> parent_;
    bool links_;
    node *first_ = nullptr, *next_ = nullptr, *previous_ = nullptr;
};

template <class T, void (*End)(T *)> class owned final : public node
{
  public:
    owned(std::shared_ptr<node> parent, T *raw) : node(std::move(parent), false), raw_(raw)
    {
    }
    ~owned() override
    {
        leave();
        finish();
    }
    [[nodiscard]] bool is_alive() const override
    {
        return raw_ != nullptr;
    }
    T *raw_; // NULL: ended

  private:
    void finish() override
    {
        End(std::exchange(raw_, nullptr));
    }
};

// What a class of the binding holds: one object, to be moved, not copied.
template <class T, void (*End)(T *)> class handle
{
  public:
    handle(std::shared_ptr<node> parent, T *raw) : held_(taken(std::move(parent), raw))
    {
    }
    handle(handle &&) noexcept = default;
    handle &operator=(handle &&) noexcept = default;
    handle(const handle &) = delete;
    handle &operator=(const handle &) = delete;
    ~handle() = default;
    [[nodiscard]] T *get() const
    {
        return held_ ? held_->raw_ : nullptr;
    }
    [[nodiscard]] T **slot()
    {
        return &held_->raw_;
    } // for editing functions, which replace it
    [[nodiscard]] T *release()
    {
        return held_ ? std::exchange(held_->raw_, nullptr) : nullptr;
    } // to whoever ends it
    [[nodiscard]] std::shared_ptr<owned<T, End>> shared() const
    {
        return held_;
    } // also the parent of what comes from it
    [[nodiscard]] std::shared_ptr<node> parent() const
    {
        return held_ ? held_->parent() : nullptr;
    }

  private:
    static std::shared_ptr<owned<T, End>> taken(std::shared_ptr<node> parent, T *raw)
    {
        struct guard { // no memory for the node: what it should own ends here
            T *raw;
            ~guard()
            {
                End(raw);
            }
        } kept{raw};
        auto made = std::make_shared<owned<T, End>>(std::move(parent), nullptr);
        made->raw_ = std::exchange(kept.raw, nullptr);
        return made;
    }
    std::shared_ptr<owned<T, End>> held_;
};

inline error gone()
{
    return {PBASE_INVALID, "the object has ended: its transaction was committed or aborted, or it "
                           "was moved away"};
}

// The same as a status.
inline pbase_status refused(pbase_error *err)
{
    if (err != nullptr) {
        *err = *gone().raw();
    }
    return PBASE_INVALID;
}

// Calls the C library with an object that must be there: a handle, or a share of its node.
template <class T, void (*End)(T *), class Call>
result<void> checked(const handle<T, End> &self, Call &&call)
{
    return self.get() == nullptr ? result<void>(gone()) : checked(call);
}
template <class T, void (*End)(T *), class Call>
result<void> checked(const std::shared_ptr<owned<T, End>> &self, Call &&call)
{
    return self == nullptr || self->raw_ == nullptr ? result<void>(gone()) : checked(call);
}

// Calls the C library for a new object that comes from `parent`: `call` gets a T ** and a pbase_error *.
template <class Object, class T, class P, void (*End)(P *), class Call>
result<Object> made(const handle<P, End> &parent, Call &&call)
{
    T *raw = nullptr;
    auto done = checked(parent, [&](pbase_error *err) { return call(&raw, err); });
    if (!done) {
        return done.failure();
    }
    return Object(parent.shared(), raw);
}

// Calls the C library for a T, a number or a plain struct: `call` gets a T * and a pbase_error *.
template <class T, class Self, class Call> result<T> asked(const Self &self, Call &&call)
{
    T out{};
    auto done = checked(self, [&](pbase_error *err) { return call(&out, err); });
    if (!done) {
        return done.failure();
    }
    return out;
}

// A function of the application that the C library calls: what it throws is kept, and comes out once
// the C library has returned. It gives nothing, a bool (false: enough) or a result<void>.
template <class Each> class visitor
{
  public:
    explicit visitor(Each &each) : each_(&each)
    {
    }
    template <class... Args> pbase_status operator()(pbase_error *err, Args &&...args)
    {
#if PROTOBASE_EXCEPTIONS
        try {
            return told(err, std::forward<Args>(args)...);
        } catch (...) {
            thrown_ = std::current_exception();
            return PBASE_FAIL(err, PBASE_CANCELLED, "the function that was called threw");
        }
#else
        return told(err, std::forward<Args>(args)...);
#endif
    }
    // What the call as a whole gives.
    result<void> end(result<void> done)
    {
#if PROTOBASE_EXCEPTIONS
        if (thrown_) {
            std::rethrow_exception(std::exchange(thrown_, nullptr));
        }
#endif
        return enough_ ? result<void>() : done;
    }

  private:
    template <class... Args> pbase_status told(pbase_error *err, Args &&...args)
    {
        using given = std::invoke_result_t<Each &, Args...>;
        if constexpr (std::is_void_v<given>) {
            (*each_)(std::forward<Args>(args)...);
            return PBASE_OK;
        } else if constexpr (std::is_same_v<given, bool>) {
            enough_ = !(*each_)(std::forward<Args>(args)...);
            return enough_ ? PBASE_END : PBASE_OK;
        } else {
            const result<void> done = (*each_)(std::forward<Args>(args)...);
            if (!done && err != nullptr) {
                *err = *done.failure().raw();
            }
            return done ? PBASE_OK : done.failure().code();
        }
    }
    Each *each_;
    bool enough_ = false;
#if PROTOBASE_EXCEPTIONS
    std::exception_ptr thrown_ = nullptr;
#endif
};

// The iterator of every range of the layer: an input iterator of C++17 and C++20. `Owner` steps
// (advance) and shows where it stands (current).
template <class Owner, class Element> class step_iterator
{
  public:
    using iterator_category = std::input_iterator_tag;
    using value_type = Element;
    using difference_type = std::ptrdiff_t;
    using pointer = const Element *;
    using reference = const Element &;

    step_iterator() = default;
    explicit step_iterator(Owner *owner) : owner_(owner)
    {
    }
    [[nodiscard]] reference operator*() const
    {
        return owner_->current();
    }
    [[nodiscard]] pointer operator->() const
    {
        return &owner_->current();
    }
    step_iterator &operator++()
    {
        owner_ = owner_->advance() ? owner_ : nullptr;
        return *this;
    }
    void operator++(int)
    {
        ++*this;
    }
    friend bool operator==(const step_iterator &a, const step_iterator &b)
    {
        return a.owner_ == b.owner_;
    }
    friend bool operator!=(const step_iterator &a, const step_iterator &b)
    {
        return a.owner_ != b.owner_;
    }

  private:
    Owner *owner_ = nullptr;
};

// What a range keeps besides its elements: how it went. An error ends the loop: with exceptions it is
// thrown, without them status() has it.
class stepping
{
  public:
    [[nodiscard]] const result<void> &status() const
    {
        return status_;
    }

  protected:
    // True for OK, false for END; an error ends the range.
    bool stepped(pbase_status status, error &cause)
    {
        if (status == PBASE_OK || status == PBASE_END) {
            return status == PBASE_OK;
        }
        cause.adopt(status);
        return stop(cause);
    }
    bool stop(const error &cause)
    {
        status_ = cause;
#if PROTOBASE_EXCEPTIONS
        raise(cause);
#else
        return false;
#endif
    }

  private:
    result<void> status_;
};

} // namespace detail
} // namespace protobase
#endif
