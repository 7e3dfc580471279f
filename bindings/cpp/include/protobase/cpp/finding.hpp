// finding.hpp - what a check finds: damaged or suspicious, with its place in words.
#ifndef PROTOBASE_CPP_FINDING_HPP
#define PROTOBASE_CPP_FINDING_HPP
#include <protobase/cpp/handle.hpp>

#include <vector>

namespace protobase
{

struct finding {
    pbase_status code = PBASE_CORRUPT;
    std::string place, message;
};

namespace detail
{
// Gathers findings as the C library tells them.
class finding_list
{
  public:
    explicit finding_list(std::vector<finding> &out) : add_{&out}, visit_(add_)
    {
    }
    static pbase_status take(void *state, pbase_status code, const char *place, const char *message,
                             pbase_error *err)
    {
        return static_cast<finding_list *>(state)->visit_(err, code, place, message);
    }
    result<void> end(const result<void> &done)
    {
        return visit_.end(done);
    }

  private:
    struct adder {
        std::vector<finding> *out;
        void operator()(pbase_status code, const char *place, const char *message) const
        {
            out->push_back(
                {code, place == nullptr ? "" : place, message == nullptr ? "" : message});
        }
    } add_;
    visitor<adder> visit_;
};
} // namespace detail
} // namespace protobase
#endif
