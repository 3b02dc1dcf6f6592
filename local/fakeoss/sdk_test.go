package fakeoss_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aliyun/alibabacloud-oss-go-sdk-v2/oss"
	"github.com/aliyun/alibabacloud-oss-go-sdk-v2/oss/credentials"
	"github.com/google/go-cmp/cmp"

	"rds-kernel-upgrade/local/fakeoss"
	"rds-kernel-upgrade/local/faults"
	"rds-kernel-upgrade/local/sts"
)

// inProcess is a connection without a network, for the SDK in a bubble's time. What the handler cuts off is a reset.
type inProcess struct{ http.Handler }

func (c inProcess) Do(r *http.Request) (response *http.Response, err error) {
	defer func() {
		if recover() != nil {
			response, err = nil, &url.Error{Op: r.Method, URL: r.URL.String(), Err: syscall.ECONNRESET}
		}
	}()
	answer := httptest.NewRecorder()
	c.ServeHTTP(answer, r)
	response = answer.Result()
	response.Request = r
	return response, nil
}

// sdkCloud is a fake in a bubble's time, and the official SDK as its client with a temporary key.
type sdkCloud struct {
	*fakeoss.Server
	keys   *sts.Keyring
	key    sts.Key
	client *oss.Client
}

func startSDK(t *testing.T, edit ...func(*oss.Config)) *sdkCloud {
	t.Helper()
	c := &sdkCloud{keys: sts.NewKeyring(time.Now)}
	c.Server = fakeoss.New(fakeoss.Options{Now: time.Now, Keys: c.keys, Region: region})
	must(t, c.CreateBucket(state, fakeoss.BucketOptions{}))
	c.key = c.keys.Issue(time.Hour)
	config := oss.LoadDefaultConfig().WithRegion(region).WithEndpoint("http://127.0.0.1:9003").
		WithCredentialsProvider(credentials.CredentialsProviderFunc(func(context.Context) (credentials.Credentials, error) {
			return credentials.Credentials{AccessKeyID: c.key.ID, AccessKeySecret: c.key.Secret, SecurityToken: c.key.Token}, nil
		}))
	for _, change := range edit {
		change(config)
	}
	c.client = oss.NewClient(config, func(o *oss.Options) { o.HttpClient = inProcess{c} })
	return c
}

// each runs a test with each version of the signature, in a bubble.
func each(t *testing.T, test func(*testing.T, *sdkCloud)) {
	t.Helper()
	for name, version := range map[string]oss.SignatureVersionType{"V1": oss.SignatureVersionV1, "V4": oss.SignatureVersionV4} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				test(t, startSDK(t, func(c *oss.Config) { c.WithSignatureVersion(version) }))
			})
		})
	}
}

func (c *sdkCloud) put(t *testing.T, key, content string) (*oss.PutObjectResult, error) {
	t.Helper()
	return c.client.PutObject(t.Context(), &oss.PutObjectRequest{
		Bucket: oss.Ptr(state), Key: oss.Ptr(key), Body: strings.NewReader(content), ForbidOverwrite: oss.Ptr("true"),
	})
}

func (c *sdkCloud) get(t *testing.T, key string) (string, error) {
	t.Helper()
	got, err := c.client.GetObject(t.Context(), &oss.GetObjectRequest{Bucket: oss.Ptr(state), Key: oss.Ptr(key)})
	if err != nil {
		return "", err
	}
	defer func() { _ = got.Body.Close() }()
	content, err := io.ReadAll(got.Body)
	return string(content), err
}

// refused checks that an error is the SDK's own type, with everything in it.
func refused(t *testing.T, err error, status int, code, ec string) {
	t.Helper()
	var e *oss.ServiceError
	if !errors.As(err, &e) || e.StatusCode != status || e.Code != code || e.EC != ec || len(e.RequestID) != 24 || e.Timestamp.IsZero() {
		t.Fatalf("got %v, want %d %s %s", err, status, code, ec)
	}
}

func TestTheSDKStoresReadsListsAndDeletes(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, c *sdkCloud) {
		t.Helper()
		const key = "state/0000000001 ü+.json"
		put, err := c.put(t, key, `{"a":1}`)
		must(t, err)
		if *put.ETag != `"BB6CB5C68DF4652941CAF652A366F2D8"` || *put.HashCRC64 == "" || put.VersionId != nil {
			t.Errorf("got %+v", put)
		}
		content, err := c.get(t, key)
		if err != nil || content != `{"a":1}` {
			t.Errorf("got %q, %v", content, err)
		}
		head, err := c.client.HeadObject(t.Context(), &oss.HeadObjectRequest{Bucket: oss.Ptr(state), Key: oss.Ptr(key)})
		if err != nil || head.ContentLength != 7 || *head.ETag != *put.ETag || *head.HashCRC64 != *put.HashCRC64 || !head.LastModified.Equal(time.Now()) || *head.ContentType != "application/json" {
			t.Errorf("got %+v, %v", head, err)
		}
		_, err = c.put(t, key, "x")
		refused(t, err, 409, "FileAlreadyExists", "0026-00000002")
		_, err = c.put(t, "state/2", "x")
		must(t, err)
		var keys []string
		pages := c.client.NewListObjectsV2Paginator(&oss.ListObjectsV2Request{
			Bucket: oss.Ptr(state), Prefix: oss.Ptr("state/"), StartAfter: oss.Ptr("state/"), MaxKeys: 1,
		})
		for pages.HasNext() {
			page, err := pages.NextPage(t.Context())
			must(t, err)
			if page.KeyCount != 1 || page.MaxKeys != 1 || !page.Contents[0].LastModified.Equal(time.Now()) {
				t.Errorf("got %+v", page)
			}
			keys = append(keys, *page.Contents[0].Key)
		}
		if diff := cmp.Diff([]string{key, "state/2"}, keys); diff != "" {
			t.Error(diff)
		}
		list, err := c.client.ListObjectsV2(t.Context(), &oss.ListObjectsV2Request{Bucket: oss.Ptr(state), Delimiter: oss.Ptr("/")})
		if err != nil || len(list.CommonPrefixes) != 1 || *list.CommonPrefixes[0].Prefix != "state/" || list.IsTruncated {
			t.Errorf("got %+v, %v", list, err)
		}
		for range 2 {
			gone, err := c.client.DeleteObject(t.Context(), &oss.DeleteObjectRequest{Bucket: oss.Ptr(state), Key: oss.Ptr(key)})
			if err != nil || gone.StatusCode != http.StatusNoContent {
				t.Errorf("got %+v, %v", gone, err)
			}
		}
		_, err = c.get(t, key)
		refused(t, err, 404, "NoSuchKey", "0026-00000001")
		_, err = c.client.HeadObject(t.Context(), &oss.HeadObjectRequest{Bucket: oss.Ptr(state), Key: oss.Ptr(key)})
		refused(t, err, 404, "NoSuchKey", "0026-00000001")
	})
}

func TestTheSDKSeesVersioning(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, c *sdkCloud) {
		t.Helper()
		ask := func() string {
			got, err := c.client.GetBucketVersioning(t.Context(), &oss.GetBucketVersioningRequest{Bucket: oss.Ptr(state)})
			must(t, err)
			return oss.ToString(got.VersionStatus)
		}
		if got := ask(); got != "" {
			t.Errorf("got %q", got)
		}
		for _, status := range []string{fakeoss.Enabled, fakeoss.Suspended} {
			must(t, c.SetVersioning(state, status))
			for range 2 {
				put, err := c.put(t, "a", "x")
				if err != nil || oss.ToString(put.VersionId) == "" {
					t.Errorf("%s: %+v, %v", status, put, err)
				}
			}
			if got := ask(); got != status {
				t.Errorf("got %q, want %q", got, status)
			}
		}
	})
}

func TestTheSDKGetsItsTypedErrors(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		before   func(*sdkCloud)
		status   int
		code, ec string
	}{
		"no bucket":         {func(c *sdkCloud) { c.DeleteBucket(state) }, 404, "NoSuchBucket", "0015-00000101"},
		"an expired token":  {func(c *sdkCloud) { c.keys.ExpireAll() }, 403, "SecurityTokenExpired", "0002-00000007"},
		"a wrong secret":    {func(c *sdkCloud) { c.key.Secret = "wrong" }, 403, "SignatureDoesNotMatch", ""},
		"a key of nobody":   {func(c *sdkCloud) { c.key = sts.Key{ID: "nobody", Secret: "x"} }, 403, "InvalidAccessKeyId", "0002-00000902"},
		"throttling":        {func(c *sdkCloud) { c.Faults().Add(faults.Fault{Action: "*", Kind: faults.Throttle}) }, 503, "TotalQpsLimitExceeded", ""},
		"an internal error": {func(c *sdkCloud) { c.Faults().Add(faults.Fault{Action: "*", Kind: faults.ServerError}) }, 500, "InternalError", ""},
	} {
		t.Run(name, func(t *testing.T) {
			each(t, func(t *testing.T, c *sdkCloud) {
				t.Helper()
				tc.before(c)
				ec := tc.ec
				if tc.code == "SignatureDoesNotMatch" {
					ec = map[bool]string{true: "0002-00000040", false: "0002-00000201"}[strings.HasSuffix(t.Name(), "V1")]
				}
				_, err := c.get(t, "a")
				refused(t, err, tc.status, tc.code, ec)
				_, err = c.client.ListObjectsV2(t.Context(), &oss.ListObjectsV2Request{Bucket: oss.Ptr(state)})
				refused(t, err, tc.status, tc.code, ec)
				_, err = c.client.HeadObject(t.Context(), &oss.HeadObjectRequest{Bucket: oss.Ptr(state), Key: oss.Ptr("a")})
				refused(t, err, tc.status, tc.code, ec)
			})
		})
	}
}

func TestTheSDKCorrectsItsClockByTheAnswer(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		c := startSDK(t)
		ahead := func() time.Time { return time.Now().Add(time.Hour) }
		keys := sts.NewKeyring(ahead)
		c.key, c.Server = keys.Issue(time.Hour), fakeoss.New(fakeoss.Options{Now: ahead, Keys: keys, Region: region})
		must(t, c.CreateBucket(state, fakeoss.BucketOptions{}))
		client := oss.NewClient(oss.LoadDefaultConfig().WithRegion(region).WithEndpoint("http://127.0.0.1:9003").
			WithCredentialsProvider(credentials.NewStaticCredentialsProvider(c.key.ID, c.key.Secret, c.key.Token)),
			func(o *oss.Options) { o.HttpClient = inProcess{c} })
		if _, err := client.GetBucketVersioning(t.Context(), &oss.GetBucketVersioningRequest{Bucket: oss.Ptr(state)}); err != nil {
			t.Error(err)
		}
		if calls := c.Calls(); len(calls) != 2 || calls[0].Code != "RequestTimeTooSkewed" || calls[1].Status != 200 {
			t.Errorf("log: %+v", calls)
		}
	})
}

// A client must know this: the SDK repeats a Put whose answer was lost, and is told that the object exists.
func TestTheSDKIsToldThatItsOwnObjectExists(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, c *sdkCloud) {
		t.Helper()
		c.Faults().Add(faults.Fault{Action: "PutObject", Kind: faults.ResetAfter, Times: 1})
		_, err := c.put(t, "a", "mine")
		refused(t, err, 409, "FileAlreadyExists", "0026-00000002")
		if content, err := c.get(t, "a"); err != nil || content != "mine" {
			t.Errorf("got %q, %v", content, err)
		}
		c.Faults().Add(faults.Fault{Action: "PutObject", Kind: faults.ResetBefore, Times: 1})
		if _, err := c.put(t, "b", "mine"); err != nil {
			t.Error(err)
		}
	})
}

func TestTheSDKSignsURLs(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		edit     func(*sdkCloud, url.Values)
		later    time.Duration
		status   int
		code, ec string
	}{
		"a fresh one":          {nil, 0, 200, "", ""},
		"at its end":           {nil, 10 * time.Minute, 200, "", ""},
		"after its end":        {nil, 10*time.Minute + time.Second, 403, "AccessDenied", "0002-00000069"},
		"before its time":      {nil, -15*time.Minute - time.Second, 403, "RequestTimeTooSkewed", "0002-00000504"},
		"for another time":     {func(_ *sdkCloud, q url.Values) { q.Set("x-oss-expires", "601") }, 0, 403, "SignatureDoesNotMatch", "0002-00000201"},
		"for too long":         {func(_ *sdkCloud, q url.Values) { q.Set("x-oss-expires", "604801") }, 0, 400, "InvalidArgument", "0002-00000232"},
		"for no time":          {func(_ *sdkCloud, q url.Values) { q.Del("x-oss-expires") }, 0, 400, "InvalidArgument", "0002-00000232"},
		"without a signature":  {func(_ *sdkCloud, q url.Values) { q.Del("x-oss-signature") }, 0, 400, "InvalidArgument", "0002-00000061"},
		"without a credential": {func(_ *sdkCloud, q url.Values) { q.Del("x-oss-credential") }, 0, 400, "InvalidArgument", "0002-00000061"},
		"without a version":    {func(_ *sdkCloud, q url.Values) { q.Del("x-oss-signature-version") }, 0, 400, "InvalidArgument", "0002-00000061"},
		"without its token":    {func(_ *sdkCloud, q url.Values) { q.Del("x-oss-security-token") }, 0, 403, "InvalidAccessKeyId", "0002-00000003"},
		"with an expired key":  {func(c *sdkCloud, _ url.Values) { c.keys.ExpireAll() }, 0, 403, "SecurityTokenExpired", "0002-00000007"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				c := startSDK(t)
				must(t, c.Store(state, "a b", []byte("x")))
				signed, err := c.client.Presign(t.Context(), &oss.GetObjectRequest{Bucket: oss.Ptr(state), Key: oss.Ptr("a b")}, oss.PresignExpires(10*time.Minute))
				must(t, err)
				r := httptest.NewRequestWithContext(t.Context(), signed.Method, signed.URL, nil)
				if query := r.URL.Query(); tc.edit != nil {
					tc.edit(c, query)
					r.URL.RawQuery = query.Encode()
				}
				server := c.Server
				if tc.later < 0 { // the service's clock is behind
					behind := func() time.Time { return time.Now().Add(tc.later) }
					server = fakeoss.New(fakeoss.Options{Now: behind, Keys: c.keys, Region: region})
					must(t, server.CreateBucket(state, fakeoss.BucketOptions{}))
				} else {
					time.Sleep(tc.later)
				}
				send(t, server, r).want(t, tc.status, tc.code, tc.ec)
			})
		})
	}
}

// Over a real connection: the answers to HEAD, and what Go's own transport does with compressed ones.
func TestTheSDKOverAConnection(t *testing.T) {
	t.Parallel()
	key := sts.Key{ID: "testid", Secret: "testsecret"}
	c := fakeoss.New(fakeoss.Options{Now: time.Now, Keys: sts.NewKeyring(time.Now, key), Region: region})
	must(t, c.CreateBucket(state, fakeoss.BucketOptions{}))
	server := httptest.NewServer(c)
	defer server.Close()
	client := oss.NewClient(oss.LoadDefaultConfig().WithRegion(region).WithEndpoint(server.URL).
		WithCredentialsProvider(credentials.NewStaticCredentialsProvider(key.ID, key.Secret)))
	content := strings.Repeat(`{"a":1} `, 1000)
	for _, name := range []string{"a.json", "a"} {
		if _, err := client.PutObject(t.Context(), &oss.PutObjectRequest{Bucket: oss.Ptr(state), Key: oss.Ptr(name), Body: strings.NewReader(content)}); err != nil {
			t.Fatal(err)
		}
		head, err := client.HeadObject(t.Context(), &oss.HeadObjectRequest{Bucket: oss.Ptr(state), Key: oss.Ptr(name)})
		if err != nil || head.ContentLength != 8000 || head.ETag == nil {
			t.Errorf("%s: %+v, %v", name, head, err)
		}
		got, err := client.GetObject(t.Context(), &oss.GetObjectRequest{Bucket: oss.Ptr(state), Key: oss.Ptr(name)})
		must(t, err)
		text, err := io.ReadAll(got.Body)
		if err != nil || string(text) != content || (got.ETag == nil) != (name == "a.json") {
			t.Errorf("%s: %d bytes, %+v, %v", name, len(text), got, err)
		}
		must(t, got.Body.Close())
	}
	_, err := client.HeadObject(t.Context(), &oss.HeadObjectRequest{Bucket: oss.Ptr(state), Key: oss.Ptr("none")})
	refused(t, err, 404, "NoSuchKey", "0026-00000001")
	_, err = client.DeleteObject(t.Context(), &oss.DeleteObjectRequest{Bucket: oss.Ptr(state), Key: oss.Ptr("a")})
	must(t, err)
}
