package fakemns

import (
	"errors"
	"net/http"
)

// batchSendMessage refuses a document that is off the schema as a whole; a message that is only out of range
// fails alone.
func (s *Server) batchSendMessage(q *request) (answer, error) {
	e, err := parse(q.body, "Messages")
	if err != nil {
		return answer{}, err
	}
	return s.inQueue(q, func(queue *queue) (answer, error) {
		drafts, err := queue.draftsOf(e)
		if err != nil {
			return answer{}, err
		}
		list, status := struct{ Message []sent }{}, http.StatusCreated
		for _, d := range drafts {
			entry := s.sendOne(queue, d)
			if entry.ErrorCode != "" {
				status = http.StatusInternalServerError
			}
			list.Message = append(list.Message, entry)
		}
		return document(status, "Messages", list), nil
	})
}

// draftsOf reads a batch, whose bodies together may be as long as one message ("BatchSendMessage": 64 KB).
func (q *queue) draftsOf(e element) ([]draft, error) {
	children := e.all("Message")
	if err := checkBatch("Messages", len(children)); err != nil {
		return nil, err
	}
	var drafts []draft
	size := 0
	for _, child := range children {
		d, err := q.draftOf(child)
		if err != nil {
			return nil, err
		}
		drafts, size = append(drafts, d), size+len(d.body)
	}
	return drafts, limit{"Messages", &size, 0, 65536, " bytes"}.check()
}

func (s *Server) sendOne(q *queue, d draft) sent {
	var refused *Error
	if errors.As(q.check(d), &refused) {
		return sent{ErrorCode: refused.Code, ErrorMessage: refused.Message}
	}
	return sentOf(s.enqueue(q, d))
}

func checkBatch(what string, n int) error { return limit{what, &n, 1, maxBatch, ""}.check() }

// undeleted is the entry for a receipt handle that could not be used.
type undeleted struct {
	ErrorCode, ErrorMessage, ReceiptHandle string
}

// batchDeleteMessage deletes what it can and answers 204 only if that was all.
func (s *Server) batchDeleteMessage(q *request) (answer, error) {
	e, err := parse(q.body, "ReceiptHandles")
	if err != nil {
		return answer{}, err
	}
	handles := e.all("ReceiptHandle")
	if err := checkBatch("ReceiptHandles", len(handles)); err != nil {
		return answer{}, err
	}
	return s.inQueue(q, func(queue *queue) (answer, error) {
		var failed struct{ Error []undeleted }
		for _, handle := range handles {
			var refused *Error
			if errors.As(queue.delete(handle.Text, q), &refused) {
				failed.Error = append(failed.Error, undeleted{refused.Code, refused.Message, handle.Text})
			}
		}
		if len(failed.Error) > 0 {
			return document(http.StatusNotFound, "Errors", failed), nil
		}
		return noContent(), nil
	})
}

func (s *Server) deleteMessage(q *request) (answer, error) {
	handle := q.query["receipthandle"]
	if handle == "" {
		return answer{}, refuse("MissingReceiptHandle")
	}
	return s.inQueue(q, func(queue *queue) (answer, error) {
		return noContent(), queue.delete(handle, q)
	})
}

func (q *queue) delete(handle string, r *request) error {
	m, err := q.held(handle, r.at)
	if err == nil {
		q.remove(m)
	}
	return err
}

// changeMessageVisibility hides a message anew, counted from now, under a new receipt handle.
func (s *Server) changeMessageVisibility(q *request) (answer, error) {
	handle := q.query["receipthandle"]
	if handle == "" {
		return answer{}, refuse("MissingReceiptHandle")
	}
	if q.query["visibilitytimeout"] == "" {
		return answer{}, refuse("MissingVisibilityTimeout")
	}
	seconds, err := q.number("visibilitytimeout", "VisibilityTimeout", 1, 43200, " seconds")
	if err != nil {
		return answer{}, err
	}
	return s.inQueue(q, func(queue *queue) (answer, error) {
		m, err := queue.held(handle, q.at)
		if err != nil {
			return answer{}, err
		}
		m.hide(q.at, seconds)
		queue.wake() // it may now be due earlier than a waiting receiver believes
		return document(http.StatusOK, "ChangeVisibility", struct {
			ReceiptHandle   string
			NextVisibleTime int64
		}{m.handle, millis(m.visible)}), nil
	})
}
