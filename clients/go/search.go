package harrier

// search is one call's search for the primary: which addresses have answered it as standbys, and when it last waited. The
// zero value is that of a call that no standby has answered, which are nearly all.
type search struct {
	answers []int // by address: which of the standbys' answers was its last one, from 1; 0: none
	count   int   // of those answers
	waited  int   // the count when the call last waited
	waits   int   // because no address was left that may be the primary
	named   int   // the address that the last standby named as the primary, from 1; 0: none of the client's
}

func (s *search) answered(index, addresses, named int) {
	if s.answers == nil {
		s.answers = make([]int, addresses)
	}
	s.count++
	s.answers[index] = s.count
	s.named = named + 1
}

// last orders addresses by their last answers: a lower one is longer ago.
func (s *search) last(index int) int {
	if s.answers == nil {
		return 0
	}
	return s.answers[index]
}

// tried returns whether the address has answered since the call last waited.
func (s *search) tried(index int) bool { return s.last(index) > s.waited }

func (s *search) isNamed(index int) bool { return s.named == index+1 }

// waiting lets the call try all addresses again.
func (s *search) waiting() { s.waited = s.count }
