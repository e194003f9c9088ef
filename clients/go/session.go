package clinic

import (
	"context"
	"time"

	v1 "clinic/v1"

	"google.golang.org/grpc/codes"
)

const refreshToken = "/clinic.v1.UserService/RefreshToken"

// A Session has the tokens of a user. To go on later or elsewhere, keep it as carefully as a password.
type Session struct {
	// Token is the access token, sent with every call.
	Token string
	// RefreshToken is the single-use token with which the next session is got. Empty: the session ends with Token.
	RefreshToken string
	// ExpireTime is when Token expires.
	ExpireTime time.Time
	// Email is the user's address.
	Email string
}

// String returns the session without its tokens.
func (s Session) String() string { return "session of " + s.Email }

// GoString returns the session without its tokens.
func (s Session) GoString() string { return s.String() }

// refresh is one that is under way. err is set before done is closed.
type refresh struct {
	done chan struct{}
	err  *Error
}

// Session returns the current session, nil without one.
func (c *conn) Session() *Session {
	c.mutex.Lock()
	defer c.mutex.Unlock()
	return c.session
}

// SetSession continues a session, or with nil none.
func (c *conn) SetSession(session *Session) {
	c.mutex.Lock()
	c.session = session
	c.mutex.Unlock()
	if c.options.OnSession != nil {
		c.options.OnSession(session)
	}
}

func (c *conn) token() string {
	if session := c.Session(); session != nil {
		return session.Token
	}
	return ""
}

// renew sees to it that the session has another token than this one, and reports whether there is a session.
//
// One goroutine refreshes for all that wait. It goes on when they give up: a refresh token whose answer is lost for long
// is gone, and the session with it.
func (c *conn) renew(ctx context.Context, token string) (bool, *Error) {
	c.mutex.Lock()
	session := c.session
	if session == nil || session.Token != token || session.RefreshToken == "" {
		c.mutex.Unlock()
		return session != nil && session.Token != token, nil
	}
	current := c.refreshing
	if current == nil {
		current = &refresh{done: make(chan struct{})}
		c.refreshing = current
		go c.refresh(session, current)
	}
	c.mutex.Unlock()
	select {
	case <-ctx.Done():
		return false, failure(ctx.Err())
	case <-current.done:
		return current.err == nil, current.err
	}
}

func (c *conn) refresh(session *Session, current *refresh) {
	ctx, cancel := context.WithTimeout(context.Background(), c.options.Timeout)
	defer cancel()
	var response v1.RefreshTokenResponse
	request := &v1.RefreshTokenRequest{RefreshToken: session.RefreshToken}
	if err := c.Invoke(ctx, refreshToken, request, &response); err != nil {
		current.err = failure(err)
		// A refresh token that is refused is refused for ever.
		if current.err.Code == codes.Unauthenticated {
			c.SetSession(nil)
		}
	} else {
		c.SetSession(&Session{
			Token: response.GetToken(), RefreshToken: response.GetRefreshToken(),
			ExpireTime: response.GetExpireTime().AsTime(), Email: response.GetEmail()})
	}
	c.mutex.Lock()
	c.refreshing = nil
	c.mutex.Unlock()
	close(current.done)
}
